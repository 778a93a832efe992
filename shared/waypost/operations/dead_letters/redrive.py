"""Redrive of dead letters, key by key; the result for each key."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from waypost.engine.consumer.dead_letters.attempt_result import AttemptResult
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound, Transient, WaypostError
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters.selection import parked_key_processor_of, select
from waypost.ports.dead_letters import DeadLetter, ParkedKey
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.redrive_selection import (
    RedriveSelection,
    SelectedDeadLetter,
    SelectedKey,
    dead_letter_statuses,
)
from waypost.postgres.dead_letters.search import Search

MAX_LOCK_WAITS = 5
"""How often a redrive waits for another process that holds the lock of the key. After that it skips
the key.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveResult:
    """The result of a redrive or a discard for one key."""

    consumer: str
    key: bytes
    outcome: ParkedKeyOutcome | None = None
    """Why the processing of the key stopped. None if nothing was attempted."""
    dead_letters: Sequence[SelectedDeadLetter]
    """In the order of handling."""

    @classmethod
    def before(cls, selected: SelectedKey) -> Self:
        return cls(consumer=selected.consumer, key=selected.parked.key, dead_letters=selected.dead_letters)

    @property
    def is_settled(self) -> bool:
        """True if the key needs no operator."""
        return self.outcome in (ParkedKeyOutcome.UNPARKED, ParkedKeyOutcome.NOT_DUE, ParkedKeyOutcome.DEFERRED)

    async def after(self, attempts: Sequence[AttemptResult], database: Database) -> "RedriveResult":
        """The result after these attempts. Reads the current statuses, because another process may
        have handled some of the dead letters.
        """
        dead_letters = {selected.id: selected for selected in self.dead_letters}
        for attempt in attempts:
            if dead_letter := attempt.dead_letter:
                dead_letters[dead_letter.id] = _with_failure(
                    dead_letters.get(dead_letter.id) or selected_of(dead_letter), attempt
                )
        statuses = await dead_letter_statuses(database, dead_letters)
        return replace(
            self,
            outcome=attempts[-1].outcome if attempts else ParkedKeyOutcome.UNPARKED,
            dead_letters=[
                replace(selected, status=statuses.get(selected.id, selected.status))
                for selected in dead_letters.values()
            ],
        )


class Redrive:
    """The selected dead letters of one service and the results of their keys so far.

    Each dead letter is settled in its own transaction. After an interruption the completed ones
    stay settled, and another redrive processes the rest.
    """

    def __init__(self, service: AdminService, selection: RedriveSelection, *, beyond_limit: UUID | None) -> None:
        self.service = service.name
        self.selection = selection
        self._beyond_limit = beyond_limit
        self._admin_service = service
        self._results: list[RedriveResult] = []
        self._prevented: list[WaypostError] = []

    @classmethod
    async def of(
        cls, service: AdminService, search: Search, *, at_most: int | None = None, beyond_limit: bool = False
    ) -> Self:
        """Selects up to `at_most` keys, the least often redriven first. With `beyond_limit`, the
        dead letter of a search by id is attempted although it reached the limit of redrives. Raises
        the errors of `select`.
        """
        selection = await select(service, search, limit=at_most)
        return cls(service, selection, beyond_limit=search.id if beyond_limit else None)

    @property
    def results(self) -> Sequence[RedriveResult]:
        return self._results

    @property
    def left(self) -> int:
        """Number of matching keys that are not processed."""
        return self.selection.more_keys + len(self.selection.keys) - len(self._results)

    @property
    def complete(self) -> bool:
        """True if no selected dead letter needs an operator."""
        return not self.left and not self.selection.unprocessable and all(result.is_settled for result in self._results)

    async def process(self, audit_context: AuditContext | None, rate: OperatorRate) -> AsyncIterator[RedriveResult]:
        """Processes each key from its lowest version, with the consumer's handlers, until one
        attempt fails or all are settled. Yields the result of each key.

        Without an audit context it changes nothing and yields the selected keys. Raises Transient,
        and NotFound if this release has no such consumer. Raises after the last key the error that
        prevented an attempt; such an attempt is not counted.
        """
        for selected in self.selection.keys:
            before = RedriveResult.before(selected)
            self._results.append(
                before if audit_context is None else await self._process(selected, audit_context, rate)
            )
            yield self._results[-1]
        if self._prevented:
            raise self._prevented[0]

    async def _process(self, selected: SelectedKey, audit_context: AuditContext, rate: OperatorRate) -> RedriveResult:
        processor, waited = parked_key_processor_of(self._admin_service, selected.consumer), 0
        attempts: list[AttemptResult] = []
        while not attempts or attempts[-1].outcome is ParkedKeyOutcome.HANDLED:
            attempt = await processor.attempt(selected.parked, audit_context, beyond_limit=self._beyond_limit)
            await rate.after(1)
            if attempt.outcome is ParkedKeyOutcome.LOCKED:
                waited += 1
                if not await _still_parked(processor, selected.parked):
                    attempt = AttemptResult(outcome=ParkedKeyOutcome.UNPARKED)
                elif waited < MAX_LOCK_WAITS:
                    continue
            attempts.append(attempt)
            if attempt.prevented is not None:
                self._prevented.append(attempt.prevented)
        return await RedriveResult.before(selected).after(attempts, self._admin_service.ops)


def nothing_matches(services: Sequence[str], settled: int = 0) -> NotFound:
    """The error for a search without an open match in any of these services; `settled` is the
    number of settled ones.
    """
    already = f"; {settled} that match are settled already" if settled else ""
    return NotFound(f"no open dead letter of {', '.join(services)} matches{already}: nothing was changed")


async def _still_parked(processor: ParkedKeyProcessor, parked: ParkedKey) -> bool:
    """Waits for the lock of the key, up to the lock timeout. True if the key is still parked."""
    with contextlib.suppress(Transient):
        return await processor.is_parked(parked)
    return True


def selected_of(dead_letter: DeadLetter, *, matches: bool = False) -> SelectedDeadLetter:
    return SelectedDeadLetter(
        id=dead_letter.id,
        type=dead_letter.type,
        sequence=dead_letter.sequence,
        status=dead_letter.status,
        error_class=dead_letter.failure.error_class if dead_letter.failure else None,
        matches=matches,
    )


def _with_failure(selected: SelectedDeadLetter, attempt: AttemptResult) -> SelectedDeadLetter:
    failure = attempt.failure
    return replace(selected, error_class=failure.error_class, error=failure.error) if failure else selected
