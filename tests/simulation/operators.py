"""The operator, who redrives dead letters after the faults."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.simulation.database import SimulatedTransactions
from tests.simulation.deterministic import SimulatedClock
from tests.simulation.events import SERVICE, PlainCodec
from tests.simulation.loop import SimulatedProcess
from tests.simulation.processes import POLICY, ProcessParts, reactor_of
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import MessageParser
from waypost.engine.wakeups import LocalWakeups
from waypost.kernel.audit_context import AuditContext
from waypost.ports.consumers import group_name
from waypost.ports.dead_letters import DeadLetterStatus, ParkedKey

if TYPE_CHECKING:
    from tests.simulation.world import World

AUDIT = AuditContext(operator="grace", reason="the fault is over")


class Operator:
    """Redrives the keys whose first open dead letter is dead: nothing else unparks them."""

    def __init__(self, world: "World") -> None:
        process = SimulatedProcess("operator", 1)
        running = ProcessParts(world, process, SimulatedClock(world.loop, 0.0), LocalWakeups())
        reactor = reactor_of(world)
        name = group_name(SERVICE, reactor)
        transactions = SimulatedTransactions(world, process, name, running.units)
        self._processor = ParkedKeyProcessor(
            name,
            transactions,
            MessageParser.of(reactor, PlainCodec()),
            effects_of(reactor, name),
            POLICY,
        )
        self._world = world
        self._process = process
        self._task: asyncio.Task[None] | None = None

    def redrive_dead(self) -> None:
        """Begins a redrive of the dead keys, unless one runs."""
        dead = {
            ParkedKey(letter.record.topic, letter.key or b"")
            for _, letter in self._world.database.tables.dead_letters.values()
            if letter.status is DeadLetterStatus.DEAD
        }
        if dead and (self._task is None or self._task.done()):
            self._task = self._world.loop.spawn(self._process, self._redrive(sorted(dead, key=str)))

    async def _redrive(self, keys: Sequence[ParkedKey]) -> None:
        for key in keys:
            self._world.record_step(f"redrives {key}", self._process)
            await self._processor.attempt(key, AUDIT)
