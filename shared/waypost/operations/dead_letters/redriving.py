"""Letters handled at last, key by key."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Self

from waypost.engine.consumer.dead_letters.parked_key_processor import Attempt, ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.parked_key_queue import Outcome
from waypost.engine.rate import Rate
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound, Transient, WaypostError
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters.drains import parked_key_processor_of
from waypost.operations.dead_letters.finding import select
from waypost.operations.dead_letters.redrive_result import RedriveResult
from waypost.ports.dead_letters import ParkedKey
from waypost.postgres.dead_letters.redrive_selection import Line, Selection
from waypost.postgres.dead_letters.search import Search

PATIENCE = 5
"""How often a redrive waits for whoever has its key, before it leaves the key to them."""


class Redrive:
    """One service's letters that were looked for, and what has become of their keys so far.

    A letter is settled in a transaction of its own: whatever ends a redrive, what was done stays
    done, and another does the rest.
    """

    def __init__(self, service: AdminService, selection: Selection) -> None:
        self.service = service.name
        self.selection = selection
        self._admin_service = service
        self._drained: list[RedriveResult] = []
        self._prevented: list[WaypostError] = []

    @classmethod
    async def of(cls, service: AdminService, search: Search, *, at_most: int | None = None) -> Self:
        """Of so many keys, those first that were redriven least often. Raises what `select` raises."""
        return cls(service, await select(service, search, limit=at_most))

    @property
    def drained(self) -> Sequence[RedriveResult]:
        return self._drained

    @property
    def left(self) -> int:
        """Keys that it has not come to."""
        return self.selection.more + len(self.selection.lines) - len(self._drained)

    @property
    def complete(self) -> bool:
        """Whether nothing is left for an operator to do."""
        return not self.left and not self.selection.unprocessable and all(each.flows for each in self._drained)

    async def work_off(self, audit_context: AuditContext | None, rate: Rate) -> AsyncIterator[RedriveResult]:
        """Each key from its lowest version on, through the consumer's own handlers, until a letter
        fails or none is left.

        Without a mandate it only tells which. Raises Transient, and NotFound where this release has
        no such consumer; after the last key what kept a letter from being tried, for which it was
        not counted.
        """
        for line in self.selection.lines:
            before = RedriveResult.before(line)
            self._drained.append(before if audit_context is None else await self._drain(line, audit_context, rate))
            yield self._drained[-1]
        if self._prevented:
            raise self._prevented[0]

    async def _drain(self, line: Line, audit_context: AuditContext, rate: Rate) -> RedriveResult:
        drain, waited = parked_key_processor_of(self._admin_service, line.consumer), 0
        attempts: list[Attempt] = []
        while not attempts or attempts[-1].outcome is Outcome.HANDLED:
            attempt = await drain.attempt(line.parked, audit_context)
            await rate.after(1)
            if attempt.outcome is Outcome.BUSY:
                waited += 1
                if not await _still_parked(drain, line.parked):
                    attempt = Attempt(outcome=Outcome.UNPARKED)
                elif waited < PATIENCE:
                    continue
            attempts.append(attempt)
            if attempt.prevented is not None:
                self._prevented.append(attempt.prevented)
        return await RedriveResult.before(line).after(attempts, self._admin_service.ops)


def nothing_matches(redrives: Sequence[Redrive]) -> NotFound:
    """For whoever looked for letters and found none in any of these services."""
    looked_in = ", ".join(each.service for each in redrives)
    settled = sum(each.selection.settled for each in redrives)
    before = f"; {settled} that match are settled already" if settled else ""
    return NotFound(f"no open letter of {looked_in} matches{before}: nothing was changed")


async def _still_parked(drain: ParkedKeyProcessor, parked: ParkedKey) -> bool:
    """Waits for whoever has the key, as long as a lock may wait."""
    with contextlib.suppress(Transient):
        return await drain.is_parked(parked)
    return True
