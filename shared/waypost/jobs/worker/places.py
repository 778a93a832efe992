"""The attempts that run at present."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any
from uuid import UUID

from waypost.jobs.claim import Claim


class Slots:
    """As many as the worker has; each holds one attempt."""

    def __init__(self, count: int, on_free: Callable[[], None]) -> None:
        self._count = count
        self._on_free = on_free
        """Called when the last free place was taken, and one is free again."""
        self._taken: dict[UUID, tuple[Claim, asyncio.Task[None]]] = {}

    @property
    def free(self) -> int:
        return self._count - len(self._taken)

    @property
    def claims(self) -> Sequence[Claim]:
        return [claim for claim, _ in self._taken.values()]

    def take(self, claim: Claim, attempt: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(attempt, name=f"{claim.name} {claim.id}")
        self._taken[claim.lease] = claim, task
        task.add_done_callback(lambda _: self._leave(claim))

    def cancel(self, leases: Collection[UUID]) -> None:
        for lease in leases:
            if lease in self._taken:
                self._taken[lease][1].cancel()

    async def empty(self, deadline_seconds: float) -> Sequence[Claim]:
        """Waits for the attempts; cancels those that have not ended by the deadline, and gives them."""
        tasks = [task for _, task in self._taken.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_seconds)
        unfinished = self.claims
        self.cancel([claim.lease for claim in unfinished])
        await asyncio.gather(*tasks, return_exceptions=True)
        return unfinished

    def _leave(self, claim: Claim) -> None:
        was_full = self.free == 0
        del self._taken[claim.lease]
        if was_full:
            self._on_free()
