"""Injects the faults into the running system, and ends each of them."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

from tests.faults.storm.journal import Journal
from tests.faults.storm.schedule import Fault, Kind
from tests.faults.storm.system import POLL_SECONDS, System
from waypost.devstack.parts import PythonServer
from waypost.engine.failpoints import VARIABLE
from waypost.native.child import Child
from waypost.native.postgres import Postgres

RUNS_AGAIN_SECONDS = 60
DOWN_AT_ONCE = 3
DONE_MEANWHILE = 5
"""Operations acknowledged between two faults: a storm over an idle system proves nothing."""
MATTERS_SECONDS = 30
"""The next fault is injected after this time in any case; the final check finds a system that does
not recover.
"""
REACHED_SECONDS = 90
"""Time to reach a failpoint; a process that does not reach it is killed where it is."""


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
        async with self._turn[fault.target]:
            await self._until_it_runs(fault.target)
            self._journal.write(fault=fault.number, told=str(fault), phase="begin")
            match fault.kind:
                case Kind.KILL:
                    await self._kill(fault.target)
                case Kind.POINT:
                    reached = await self._kill_at(fault.target, fault.point)
                    self._journal.write(fault=fault.number, told=str(fault), reached=reached)
                case Kind.FREEZE:
                    await self._freeze(fault.target, fault.hold_seconds)
                case Kind.RESTART:
                    await self._system.server(fault.target).stop()
            self._journal.write(fault=fault.number, told=str(fault), kind=fault.kind, target=fault.target, phase="end")

    async def _kill(self, target: str) -> None:
        server = self._system.server(target)
        # PostgreSQL's processes have sessions of their own; the server knows them all.
        await (server.kill() if isinstance(server, Postgres) else server.child.kill())

    async def _kill_at(self, target: str, point: str) -> bool:
        """True if it died at the failpoint, and not by our signal."""
        server = self._system.server(target)
        if not isinstance(server, PythonServer):
            raise TypeError(f"{target} has no failpoints")
        server.environment[VARIABLE] = f"{point}=kill"
        before = server.child
        await server.stop()
        try:
            armed = await self._next_child(target, before)
        finally:
            del server.environment[VARIABLE]  # the next start is without a failpoint
        with suppress(TimeoutError):
            async with asyncio.timeout(REACHED_SECONDS):
                await armed.wait()
            return armed.exit_code == -signal.SIGKILL
        await armed.kill()
        return False

    async def _freeze(self, target: str, seconds: float) -> None:
        server = self._system.server(target)
        frozen = server if isinstance(server, Postgres) else server.child
        frozen.pause()
        try:
            await asyncio.sleep(seconds)
        finally:
            frozen.resume()

    async def _until_it_runs(self, target: str) -> None:
        try:
            async with asyncio.timeout(RUNS_AGAIN_SECONDS):
                while not self._runs(target):  # noqa: ASYNC110 - the supervisor sends no notification
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{target} was not started again within {RUNS_AGAIN_SECONDS} s") from None

    async def _next_child(self, target: str, before: Child) -> Child:
        server = self._system.server(target)
        while server.child is before or not server.child.running:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        return server.child

    def _runs(self, target: str) -> bool:
        return self._system.server(target).child.running
