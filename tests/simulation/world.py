"""The servers, the processes and the faults of one schedule."""

from collections.abc import Mapping
from functools import partial
from uuid import UUID, uuid5

from tests.simulation.broker import BrokerServer
from tests.simulation.database import DatabaseServer
from tests.simulation.deterministic import SimulatedClock, dice
from tests.simulation.faults import IDLE_TRANSACTION_SECONDS, NOTICED_SECONDS, Connection, Fault, Faults
from tests.simulation.group import REBALANCE_SECONDS, Coordinator
from tests.simulation.jobs import JobTable, Provider
from tests.simulation.loop import SimulatedLoop, SimulatedProcess
from tests.simulation.processes import KINDS, Note, ProcessParts
from waypost.engine.wakeups import LocalWakeups
from waypost.kernel.errors import NotYet, Transient
from waypost.kernel.ids import EventId
from waypost.ports.wakeups import Channel

LISTENERS: Mapping[Channel, str] = {"outbox": "relay", "jobs": "jobs"}
COPIES = 2
MAX_FAULTS = 12
MAX_REFUSALS = 2
RESTART_SECONDS = 2.0
KILLED_AFTER_SECONDS = 12.0
"""A process that was asked to end is killed after this time."""
SKEW_SECONDS = 3.0


class World:
    def __init__(self, seed: int, trace: list[str] | None = None) -> None:
        self.choices = dice(f"choices {seed}")
        self.faults = Faults.drawn(self.choices)
        self.loop = SimulatedLoop(dice(f"order {seed}"))
        self.trace = trace
        self.connections: dict[SimulatedProcess, list[Connection]] = {}
        self.database, self.broker = DatabaseServer(SimulatedClock(self.loop, 0.0)), BrokerServer()
        self.coordinator, self.jobs, self.provider = Coordinator(self), JobTable(self), Provider()
        self.running: dict[SimulatedProcess, ProcessParts] = {}
        self.acknowledged: list[int] = []
        accounts = [uuid5(UUID(int=seed), str(number)) for number in range(self.choices.randint(1, 3))]
        self.commands = [Note(self.choices.choice(accounts), number) for number in range(self.choices.randint(1, 6))]
        self.faults_happened = 0
        self.rests = False
        self._refusals = MAX_REFUSALS
        self._failing: dict[EventId, list[Exception]] = {}

    def start(self) -> None:
        for kind in KINDS:
            for number in range(1, COPIES + 1):
                self._start(kind, number)

    def record_step(self, text: str, process: SimulatedProcess) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.loop.time():8.3f} s  {process!r:12} {text}")

    def chance(self, share: float) -> bool:
        return self.choices.random() < share

    def draw_fault(self) -> Fault | None:
        """One of the schedule's kinds; None when no further fault happens."""
        if self.faults_happened == MAX_FAULTS or self.is_calm:
            return None
        self.faults_happened += 1
        rates = self.faults.of_connections
        return self.choices.choices(list(rates), list(rates.values()))[0]

    @property
    def is_calm(self) -> bool:
        """Whether no further fault happens."""
        return self.rests or self.loop.time() >= self.faults.seconds

    def fail_handler(self, event_id: EventId) -> None:
        """Raises what the handler of this event shall raise now: it fails up to three times."""
        if event_id not in self._failing:
            fails = self.chance(self.faults.rates.get(Fault.HANDLER, 0.0))
            kind = self.choices.choice((RuntimeError, Transient, NotYet))
            self._failing[event_id] = [kind("simulated") for _ in range(self.choices.randint(1, 3))] if fails else []
        if self._failing[event_id]:
            raise self._failing[event_id].pop()

    def refuses_batch(self) -> bool:
        """Whether a partition refuses a batch now."""
        refuses = self._refusals > 0 and self._happens(Fault.REFUSAL)
        self._refusals -= refuses
        return refuses

    def holds_batch(self) -> bool:
        """Whether a partition accepts a batch only later."""
        return self._happens(Fault.HOLD)

    def _happens(self, fault: Fault) -> bool:
        return not self.is_calm and self.chance(self.faults.rates.get(fault, 0.0))

    def crash(self, process: SimulatedProcess) -> None:
        """Ends the process at once. Its sessions end when the servers notice; it is started
        again.
        """
        if not process.alive:
            return
        self.loop.kill(process)
        self.running.pop(process, None)
        for connection in self.connections.pop(process, ()):
            self.loop.at_servers(NOTICED_SECONDS * self.choices.random(), connection.end)
        self.loop.at_servers(
            RESTART_SECONDS * self.choices.random(), lambda: self._start(process.name, process.number + COPIES)
        )

    def freeze(self, process: SimulatedProcess, seconds: float) -> None:
        if process.frozen:
            return
        self.loop.freeze(process)
        self.loop.at_servers(seconds, lambda: self.loop.thaw(process))
        if seconds > REBALANCE_SECONDS:
            self.loop.at_servers(REBALANCE_SECONDS, self.coordinator.rebalance)
        if seconds > IDLE_TRANSACTION_SECONDS:
            for connection in self.connections.get(process, ()):
                if connection.name == "database":
                    self.loop.at_servers(IDLE_TRANSACTION_SECONDS, connection.end)

    def request_stop(self, process: SimulatedProcess) -> None:
        """SIGTERM: drains and stops the parts, then ends the process."""
        running = self.running.get(process)
        if running is None or not process.alive or running.stopping:
            return
        running.stopping = True

        async def stop() -> None:
            await running.end(self.choices.random())
            self.record_step("has stopped", process)
            self.crash(process)

        self.loop.spawn(process, stop())
        self.loop.at_servers(KILLED_AFTER_SECONDS, lambda: self.crash(process))

    def wake_others(self, channel: Channel) -> None:
        for process, running in self.running.items():
            if process.name == LISTENERS[channel] and self.chance(0.7):
                self.loop.at_servers(0.01 * self.choices.random(), partial(running.wakeups.wake, channel))

    def forget(self, connection: Connection) -> None:
        own = self.connections.get(connection.process)
        if own and connection in own:
            own.remove(connection)

    def _start(self, kind: str, number: int) -> None:
        process = SimulatedProcess(kind, number)
        clock = SimulatedClock(self.loop, SKEW_SECONDS * self.choices.random())
        self.running[process] = running = ProcessParts(self, process, clock, LocalWakeups())
        self.record_step("starts", process)
        self.loop.spawn(process, running.run())
