"""The faults of one schedule, and the connections at which they happen.

A fault happens where a process talks to a server: before the request arrives, or before the answer
does. So each statement, commit, produce and poll may be lost, delayed or done without an answer.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation.loop import SimulatedProcess, forever
from waypost.kernel.errors import Transient

if TYPE_CHECKING:
    from tests.simulation.world import World

R = TypeVar("R")


class Fault(StrEnum):
    CRASH = "crash"
    """The process ends at this await. Servers keep its sessions until they notice."""
    BREAK = "break"
    """The connection breaks; the client notices at once, the server later."""
    SILENCE = "silence"
    """No answer: the client gives up after seconds."""
    CANCEL = "cancel"
    """The operation, not its task, is cancelled, as by a library under it."""
    DELAY = "delay"
    """The request or answer takes up to two seconds."""
    FREEZE = "freeze"
    """The process stops for up to eight seconds, then continues as if nothing had happened."""
    STOP = "stop"
    """The process is asked to end, as in a deployment."""
    REBALANCE = "rebalance"
    """All partitions are assigned again."""
    STALLED = "stalled"
    """The client of one consumer receives no more records until it is replaced."""
    HANDLER = "handler"
    """A handler raises."""
    REFUSAL = "refusal"
    """A partition refuses a batch, up to twice in a schedule: after a third time, a key would wait
    for an operator.
    """
    HOLD = "hold"
    """A partition accepts a batch up to eight seconds later."""


@dataclass(frozen=True)
class Faults:
    """The kinds of faults of one schedule. Few kinds in each, so that some schedules have much of
    one kind (swarm testing, Groce et al. 2012).
    """

    rates: dict[Fault, float] = field(default_factory=dict)
    """Probability per request and per answer; of the others, per event or batch."""
    seconds: float = 4.0
    """Virtual time after which no fault happens."""

    @property
    def of_connections(self) -> Mapping[Fault, float]:
        return {kind: rate for kind, rate in self.rates.items() if kind not in _OTHERS}

    @cached_property
    def total(self) -> float:
        """Probability of any fault per request and per answer."""
        return sum(self.of_connections.values())

    @classmethod
    def drawn(cls, choices: random.Random) -> "Faults":
        kinds = [kind for kind in Fault if choices.random() < 0.5]
        rates = {kind: choices.choice(_RATES) * _WEIGHTS.get(kind, 1.0) for kind in kinds}
        return cls(rates, choices.choice((0.5, 1.0, 2.0, 4.0)))


_RATES = (0.002, 0.01, 0.03)
_WEIGHTS = {Fault.DELAY: 4.0, Fault.HANDLER: 12.0, Fault.FREEZE: 0.5, Fault.REFUSAL: 12.0, Fault.HOLD: 12.0}
_OTHERS = (Fault.HANDLER, Fault.REFUSAL, Fault.HOLD)

SUSPENDED_ABOVE, LATENT_ABOVE = 0.6, 0.85
"""Thresholds of a uniform draw: above the first, other processes run meanwhile; above the second,
it also takes time (up to 3 ms). The others take none, which halves the cost of a schedule.
"""
LATENCY_SECONDS = 0.02
SILENT_SECONDS = 6.0
NOTICED_SECONDS = 3.0
"""Within this time a server ends the session of a client that is gone."""
FROZEN_SECONDS = 8.0
IDLE_TRANSACTION_SECONDS = 5.0


class Connection:
    """One connection of a process to a server."""

    def __init__(self, world: "World", process: SimulatedProcess, name: str) -> None:
        self.process = process
        self.broken = False
        self.used_at = world.loop.time()
        self.on_end: list[Callable[[], None]] = []
        """Actions of the server when it notices that the connection is gone."""
        self._world = world
        self.name = name
        world.connections.setdefault(process, []).append(self)

    async def call(self, what: str, operation: Callable[[], Awaitable[R]]) -> R:
        """One operation at the server, between its request and its answer."""
        await self.transmit(f"{what} ->")
        result = await operation()
        await self.transmit(f"{what} <-")
        return result

    async def transmit(self, what: str) -> None:
        """A request or an answer. Raises Transient if the connection breaks."""
        world = self._world
        self.used_at = world.loop.time()
        if world.trace is not None:
            world.record_step(f"{self.name}: {what}", self.process)
        self._require_open()
        drawn = world.choices.random()
        if drawn < world.faults.total and (fault := world.draw_fault()):
            world.record_step(f"{self.name}: {what} {fault}", self.process)
            await self._inject(fault)
            self._require_open()
        elif drawn > SUSPENDED_ABOVE:
            await asyncio.sleep(LATENCY_SECONDS * (drawn - LATENT_ABOVE) if drawn > LATENT_ABOVE else 0)
            self._require_open()

    def _require_open(self) -> None:
        if self.broken:
            raise Transient(f"the connection with the {self.name} is broken")

    async def _inject(self, fault: Fault) -> None:
        world = self._world
        match fault:
            case Fault.CRASH:
                world.crash(self.process)
                await forever()
            case Fault.BREAK:
                self.break_off()
            case Fault.SILENCE:
                await asyncio.sleep(SILENT_SECONDS * world.choices.random())
                self.break_off()
            case Fault.CANCEL:
                self.break_off()
                raise asyncio.CancelledError("an operation below was cancelled")
            case Fault.DELAY:
                await asyncio.sleep(2 * world.choices.random())
            case Fault.FREEZE:
                world.freeze(self.process, FROZEN_SECONDS * world.choices.random())
                await asyncio.sleep(0)
            case Fault.STOP:
                world.request_stop(self.process)
                await asyncio.sleep(0)
            case Fault.REBALANCE:
                world.coordinator.rebalance()
                await asyncio.sleep(0)
            case Fault.STALLED:
                world.coordinator.stall_one()
                await asyncio.sleep(0)

    def is_silent(self, seconds: float) -> bool:
        return self._world.loop.time() - self.used_at > seconds

    def break_off(self) -> None:
        """The client gives the connection up; the server notices later."""
        self.broken = True
        self._world.loop.at_servers(NOTICED_SECONDS * self._world.choices.random(), self.end)

    def end(self) -> None:
        """The server ends the session."""
        self.broken = True
        for action in self.on_end:
            action()
        self.on_end.clear()

    def close(self) -> None:
        """The client closes the connection, which ends the session at once if it still works."""
        if not self.broken:
            self.end()
        self._world.forget(self)


_OPERATIONS: dict[tuple[type, str], bool] = {}
"""Whether a member of a port is an operation at the server."""


class Remote:
    """A port over a connection: each call of a coroutine function is an operation at the server."""

    def __init__(self, target: object, connection: Connection) -> None:
        self._target = target
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        method, kind = getattr(self._target, name), (type(self._target), name)
        if kind not in _OPERATIONS:
            _OPERATIONS[kind] = asyncio.iscoroutinefunction(method)
        if not _OPERATIONS[kind]:
            return method

        async def call(*args: Any, **named: Any) -> Any:
            return await self._connection.call(name, lambda: method(*args, **named))

        return call
