"""The parts of each kind of process, built from the engine and the simulated ports."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from tests.simulation.broker import SimulatedBroker
from tests.simulation.database import SimulatedOutbox, SimulatedTransactions, SimulatedUnits
from tests.simulation.deterministic import SimulatedClock
from tests.simulation.events import SERVICE, Account, Charge, Charged, Effect, Handled, Noted, PlainCodec
from tests.simulation.faults import Connection
from tests.simulation.group import SimulatedSubscription
from tests.simulation.jobs import SimulatedLeases, SimulatedOutcomes
from tests.simulation.loop import SimulatedProcess
from waypost.engine.bus import Bus
from waypost.engine.consumer import ConsumerGroup, ConsumerPolicy
from waypost.engine.process import Lifecycle
from waypost.engine.relay import Relay
from waypost.engine.retry import RetryPolicy
from waypost.engine.wakeups import LocalWakeups
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, JobRegistry
from waypost.jobs.worker import JobWorker, JobWorkerSettings
from waypost.kernel.backoff import Backoff
from waypost.kernel.command import Command
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import ConcurrencyConflict, Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumers import Reactor, group_name
from waypost.ports.unit_of_work import UnitOfWork
from waypost.ports.wakeups import Channel

if TYPE_CHECKING:
    from tests.simulation.world import World

TENANT = TenantId(UUID(int=7))

RETRIES = Backoff(first_seconds=0.5, factor=2.0, max_seconds=4.0)
POLICY = ConsumerPolicy(
    poll_seconds=2.0,
    revoke_seconds=1.0,
    check_seconds=5.0,
    stalled_seconds=8.0,
    retry_idle_polls=10,
    pauses=Backoff(first_seconds=0.1, factor=2.0, max_seconds=1.0),
    retry=RetryPolicy(pauses=RETRIES, waiting_pauses=RETRIES),
)
JOBS = JobWorkerSettings(max_jobs=2, lease_seconds=4.0)


@dataclass(frozen=True, slots=True)
class Note(Command[None]):
    account_id: UUID
    number: int


async def note(command: Note, uow: UnitOfWork) -> None:
    account = await uow.find(Account, command.account_id)
    if account is None:
        account = Account(command.account_id, TENANT)
        uow.add(account)
    account.record(Noted(tenant_id=TENANT, command=command.number))


@dataclass(slots=True)
class ProcessParts:
    """One operating-system process and its parts."""

    world: "World"
    process: SimulatedProcess
    clock: SimulatedClock
    wakeups: LocalWakeups
    parts: Sequence[Lifecycle] = ()
    stopping: bool = False
    issues: Note | None = None
    """The command that an API process issues now."""

    @property
    def units(self) -> SimulatedUnits:
        return SimulatedUnits(self.world, self.process, self.clock, _Sender(self))

    async def run(self) -> None:
        build = KINDS[self.process.name]
        self.parts = build(self)
        for part in self.parts:
            await part.start()

    async def end(self, deadline_seconds: float) -> None:
        for part in self.parts:
            await part.drain(deadline_seconds)
            await part.stop()


class _Sender:
    """`waypost.ports.wakeups.WakeupSender`. Other processes are notified later, or not at all."""

    def __init__(self, running: ProcessParts) -> None:
        self._running = running

    def send(self, channel: Channel) -> None:
        self._running.wakeups.wake(channel)
        self._running.world.wake_others(channel)


def relay(running: ProcessParts) -> Sequence[Lifecycle]:
    world, process = running.world, running.process
    return [Relay(SimulatedOutbox(world, process), SimulatedBroker(world, process), running.wakeups)]


def consumer(running: ProcessParts) -> Sequence[Lifecycle]:
    return [consumer_group(running)]


def consumer_group(running: ProcessParts) -> ConsumerGroup:
    world, process = running.world, running.process
    reactor = reactor_of(world)
    transactions = SimulatedTransactions(world, process, group_name(SERVICE, reactor), running.units)
    subscription = SimulatedSubscription(world, process, world.coordinator)
    return ConsumerGroup(SERVICE, reactor, subscription, transactions, PlainCodec(), policy=POLICY, clock=running.clock)


def reactor_of(world: "World") -> Reactor:
    async def handle(envelope: Envelope[Noted], uow: UnitOfWork) -> None:
        world.fail_handler(envelope.event_id)
        effect = Effect(new_id(), TENANT)
        uow.add(effect)
        effect.record(Handled(tenant_id=TENANT, source=str(envelope.event_id)))
        await uow.jobs.enqueue("charge", source=str(envelope.event_id))

    return Reactor("effects", {Noted: handle})


async def charge(job: "JobContext[ProcessParts]", source: str) -> None:
    """Calls the provider under the job's key, then stores the charge, once."""
    running = job.resources
    connection = Connection(running.world, running.process, "provider")
    try:
        await connection.call("charge", lambda: running.world.provider.charge(job.idempotency_key, source))
    finally:
        connection.close()
    async with job.begin() as uow:
        if await uow.find(Charge, UUID(source)) is None:
            uow.add(charged := Charge(UUID(source), TENANT))
            charged.record(Charged(tenant_id=TENANT, source=source))


REGISTRY = JobRegistry(
    [Job(charge, max_attempts=30, retry=Backoff(first_seconds=0.5, factor=2.0, max_seconds=3.0), timeout_seconds=20.0)]
)


def jobs(running: ProcessParts) -> Sequence[Lifecycle]:
    @asynccontextmanager
    async def resources() -> AsyncIterator[ProcessParts]:
        yield running

    database = cast(Any, SimpleNamespace(dsn="", reserve=lambda _: None, fetch=_no_rows))
    worker = JobWorker(
        database,
        running.units,
        REGISTRY,
        clock=running.clock,
        wakeup=running.wakeups.subscribe("jobs"),
        resources=resources,
        settings=JOBS,
    )
    _replace_statements(worker, running)
    return [worker]


def _replace_statements(worker: "JobWorker[ProcessParts]", running: ProcessParts) -> None:
    """The worker's three classes with SQL: their statements run at the simulated server."""
    outcomes = SimulatedOutcomes(running.world, running.process)
    parts: dict[str, object] = vars(worker)
    leases = SimulatedLeases(running.world, running.process, seconds=JOBS.lease_seconds)
    parts["_leases"] = vars(parts["_lease_keeper"])["_leases"] = leases
    vars(parts["_completions"])["_write"] = outcomes.write_completions
    vars(parts["_outcomes"])["_write"] = outcomes.write


async def _no_rows(_: str) -> Sequence[Any]:
    return ()


def api(running: ProcessParts) -> Sequence[Lifecycle]:
    return [_Client(running)]


class _Client:
    """Issues the commands that are left, one after another."""

    name = "api"

    def __init__(self, running: ProcessParts) -> None:
        self.ready = asyncio.Event()
        self._world = running.world
        self._process = running
        self._bus = Bus(running.units, {Note: note})
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def drain(self, deadline_seconds: float) -> None:
        if self._task:
            await asyncio.wait([self._task], timeout=deadline_seconds)

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        commands = self._world.commands
        while commands:
            self._process.issues = command = commands.pop()
            await asyncio.sleep(self._world.choices.random())
            try:
                with bound_tenants([TENANT]):
                    await self._bus.handle(command)
            except (Transient, ConcurrencyConflict, asyncio.CancelledError):
                continue  # it may have been stored all the same
            self._world.acknowledged.append(command.number)
        self._process.issues = None


KINDS: dict[str, Callable[[ProcessParts], Sequence[Lifecycle]]] = {
    "api": api,
    "relay": relay,
    "consumer": consumer,
    "jobs": jobs,
}
