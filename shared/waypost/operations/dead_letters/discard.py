"""Discard of dead letters: one, or all that match a search; the result for each."""

from collections.abc import AsyncIterator, Sequence
from typing import Self
from uuid import UUID

from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Conflict
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters.redrive import RedriveResult, selected_of
from waypost.operations.dead_letters.selection import find, parked_key_processor_of, refuse_settled
from waypost.ports.dead_letters import OPEN
from waypost.postgres.dead_letters.search import (
    Place,
    Search,
    StoredDeadLetter,
    count_dead_letters,
    find_dead_letters,
)

PAGE = 100
"""Number of dead letters in memory."""


async def discard(service: AdminService, dead_letter_id: UUID, audit_context: AuditContext) -> RedriveResult:
    """Marks a dead letter as discarded, so that its event counts as handled when its turn comes.
    Then processes the records that wait behind it.

    Raises NotFound, Conflict for a settled one, and Transient while another process holds the lock
    of its key.
    """
    return await _discard(service, await find(service, dead_letter_id), audit_context)


class Discard:
    """The matching open dead letters of one service, the earliest first failure first.

    Each is discarded in its own transaction, with an audit entry. After an interruption the
    completed ones stay discarded, and another discard processes the rest.
    """

    def __init__(self, service: AdminService, search: Search, matching: int, at_most: int | None) -> None:
        self.service = service.name
        self.matching = matching
        """Number of matching dead letters before the discard."""
        self._admin_service = service
        self._search = search
        self._at_most = matching if at_most is None else at_most
        self._results: list[RedriveResult] = []
        self._passed = 0

    @classmethod
    async def of(cls, service: AdminService, search: Search, *, at_most: int | None = None) -> Self:
        """Raises Invalid for a search by a settled status. For a search by id, raises NotFound, and
        Conflict for a settled dead letter.
        """
        if search.id is not None and (status := (await find(service, search.id)).dead_letter.status) not in OPEN:
            raise Conflict(f"dead letter {search.id} is {status} already")
        refuse_settled(search, "discard")
        return cls(service, search, await count_dead_letters(service.ops, search), at_most)

    @property
    def results(self) -> Sequence[RedriveResult]:
        return self._results

    @property
    def left(self) -> int:
        """Number of matching dead letters that are not processed."""
        return max(0, self.matching - self._passed)

    async def process(self, audit_context: AuditContext | None, rate: OperatorRate) -> AsyncIterator[RedriveResult]:
        """Discards up to `at_most` dead letters, and yields the result of each. Skips one that was
        settled in the meantime, for example because it waited behind a discarded one.

        Without an audit context it changes nothing and yields the matching ones. Raises the errors
        of `discard`, after the results before it.
        """
        async for stored in self._stored():
            self._passed += 1
            if audit_context is None:
                self._results.append(_before(stored))
            else:
                try:
                    self._results.append(await _discard(self._admin_service, stored, audit_context))
                except Conflict:
                    continue
                await rate.after(1)
            yield self._results[-1]

    async def _stored(self) -> AsyncIterator[StoredDeadLetter]:
        after: Place | None = None
        while (wanted := min(PAGE, self._at_most - self._passed)) > 0:
            page = await find_dead_letters(self._admin_service.ops, self._search, limit=wanted, after=after)
            for stored in page:
                yield stored
            if len(page) < wanted:
                return
            after = (page[-1].first_failed_at, page[-1].dead_letter.id)


async def _discard(service: AdminService, stored: StoredDeadLetter, audit_context: AuditContext) -> RedriveResult:
    processor = parked_key_processor_of(service, stored.consumer)
    attempts = await processor.discard(stored.dead_letter.id, audit_context)
    return await _before(stored).after(attempts, service.ops)


def _before(stored: StoredDeadLetter) -> RedriveResult:
    selected = selected_of(stored.dead_letter, matches=True)
    return RedriveResult(consumer=stored.consumer, key=stored.dead_letter.key or b"", dead_letters=[selected])
