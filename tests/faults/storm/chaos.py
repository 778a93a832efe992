"""Runs the schedule of faults: one after another for a target, several targets at the same time."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from tests.faults.storm import strikes
from tests.faults.storm.journal import Journal
from tests.faults.storm.schedule import Fault, Kind
from tests.faults.storm.system import POLL_SECONDS, System

RUNS_AGAIN_SECONDS = 60
DOWN_AT_ONCE = 3
DONE_MEANWHILE = 5
"""Operations acknowledged between two faults: a storm over an idle system proves nothing."""
MATTERS_SECONDS = 30
"""The next fault is injected after this time in any case; the final check finds a system that does
not recover.
"""

STRIKES: Mapping[Kind, Callable[[System, Fault], Awaitable[bool | None]]] = {
    Kind.KILL: strikes.kill,
    Kind.POINT: strikes.kill_at,
    Kind.FREEZE: strikes.freeze,
    Kind.RESTART: strikes.restart,
    Kind.CUT: strikes.cut,
    Kind.SLOW_DISK: strikes.slow_disk,
    Kind.CLOCK: strikes.jump_clock,
    Kind.REBUILD: strikes.rebuild,
    Kind.TOPIC_LOST: strikes.lose_topic,
}
"""Each returns when its fault has ended: None, or whether the fault did what it was for."""


class Chaos:
    def __init__(self, system: System, journal: Journal, acknowledged: Callable[[], int]) -> None:
        self._system = system
        self._journal = journal
        self._acknowledged = acknowledged
        """Number of acknowledged operations so far."""
        self._turn: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One lock per target: one fault after another for a target, while different targets may
        fail at the same time.
        """
        self._enough = False

    async def rage(self, faults: Sequence[Fault]) -> None:
        """Returns when all faults have ended and every target has recovered. Raises TimeoutError
        for a target that does not recover.
        """
        async with asyncio.TaskGroup() as under_way:
            for fault in faults:
                await asyncio.sleep(fault.after_seconds)
                await self._until_enough_operations()
                if self._enough:
                    return
                under_way.create_task(self._strike(fault), name=str(fault))

    def end(self) -> None:
        """Ends the current faults, lets their targets recover, and injects no more."""
        self._enough = True

    async def _until_enough_operations(self) -> None:
        before = self._acknowledged()
        with suppress(TimeoutError):
            async with asyncio.timeout(MATTERS_SECONDS):
                while len(self._system.down) > DOWN_AT_ONCE or self._acknowledged() < before + DONE_MEANWHILE:  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)

    async def _strike(self, fault: Fault) -> None:
        facts = {"fault": fault.number, "told": str(fault)}
        async with self._turn[fault.target]:
            if fault.kind is not Kind.TOPIC_LOST:
                await self._until_it_runs(fault.target)
            self._journal.write(**facts, phase="begin")
            reached = await STRIKES[fault.kind](self._system, fault)
            self._journal.write(**facts, kind=fault.kind, target=fault.target, reached=reached, phase="end")

    async def _until_it_runs(self, target: str) -> None:
        try:
            async with asyncio.timeout(RUNS_AGAIN_SECONDS):
                while not self._system.server(target).child.running:  # noqa: ASYNC110 - the supervisor sends no notification
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{target} was not started again within {RUNS_AGAIN_SECONDS} s") from None
