"""The database server: transactions over connections that may break at each statement."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.simulation.deterministic import SimulatedClock
from tests.simulation.events import SERVICE, PlainCodec
from tests.simulation.faults import Connection, Remote
from tests.simulation.loop import SimulatedProcess
from waypost.kernel.cause import Cause, current_cause
from waypost.kernel.cloudevents import to_metadata
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import current_tenants
from waypost.memory.database import MemoryDatabase, MemoryTransaction, OpenTables
from waypost.memory.dead_letters import MemoryDeadLetters
from waypost.memory.deferrals import MemoryDeferrals
from waypost.memory.inbox import MemoryInbox
from waypost.memory.outbox import MemoryOutbox, MemoryOutboxLease
from waypost.memory.parked_keys import MemoryParkedKeys
from waypost.memory.unit_of_work import MemoryUnitOfWork
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.deferrals import Deferrals
from waypost.ports.inbox import Inbox
from waypost.ports.outbox import Backlog, OutboxLease
from waypost.ports.parked_keys import ParkedKeys
from waypost.ports.unit_of_work import Precondition
from waypost.ports.wakeups import WakeupSender

if TYPE_CHECKING:
    from tests.simulation.world import World

SILENT_RELAY_SECONDS = 3.0
_CODEC = PlainCodec()


class DatabaseServer(MemoryDatabase):
    """Committed rows; outbox rows become visible to relays at the commit."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(clock)
        self.outbox = MemoryOutbox()

    def commit(self, tables: OpenTables) -> None:
        new = list(tables.outbox.keys() - self.tables.outbox.keys()) if tables.outbox.is_changed else []
        tables.commit()
        for row_id in sorted(new):
            envelope = self.tables.outbox[row_id]
            headers = json.dumps(to_metadata(envelope))
            key, payload = str(envelope.aggregate_id).encode(), _CODEC.encode(envelope.event).payload
            self.outbox.add(envelope.event.topic, key, payload, headers=headers, row_id=row_id)


@asynccontextmanager
async def transaction(world: "World", process: SimulatedProcess) -> AsyncIterator[tuple[Connection, OpenTables]]:
    """A transaction of the process: commits at the end of the block, rolls back on an error."""
    connection = Connection(world, process, "database")
    try:
        await connection.transmit("begin")
        tables = OpenTables(world.database)
        connection.on_end.append(tables.end)
        yield connection, tables
        await connection.transmit("commit ->")
        world.database.commit(tables)
        await connection.transmit("commit <-")
    finally:
        connection.close()


class SimulatedUnit(MemoryUnitOfWork):
    """A unit of work whose statements are operations at the server."""

    def __init__(
        self, connection: Connection, transaction: MemoryTransaction, clock: SimulatedClock, cause: Cause
    ) -> None:
        super().__init__(transaction, SERVICE, clock, cause)
        self._connection = connection
        self._stored_events = Remote(self._store, connection).stored_events
        self.events = cast(Any, Remote(self.events, connection))
        self.jobs = cast(Any, RemoteJobs(self.jobs, connection))

    async def finish(self) -> None:
        """Takes the ids of the outbox rows; other transactions may commit before this one."""
        await self.flush()
        if self._unsent:
            await self._connection.call("insert outbox", super().finish)


class RemoteJobs(Remote):
    """The job queue: `add` is the statement, `enqueue` calls it."""

    async def enqueue(self, name: str, **arguments: Any) -> Any:
        return await self._connection.call(f"enqueue {name}", lambda: self._target.enqueue(name, **arguments))  # type: ignore[attr-defined]


class SimulatedUnits:
    """`waypost.ports.unit_of_work.UnitsOfWork` of one process."""

    def __init__(self, world: "World", process: SimulatedProcess, clock: SimulatedClock, wakeups: WakeupSender) -> None:
        self.clock = clock
        self.wakeups = wakeups
        self._world = world
        self._process = process

    @asynccontextmanager
    async def begin(
        self, cause: Cause | None = None, *, preconditions: Sequence[Precondition] = ()
    ) -> AsyncIterator[SimulatedUnit]:
        async with transaction(self._world, self._process) as (connection, tables):
            opened = MemoryTransaction(tables, current_tenants())
            unit = SimulatedUnit(connection, opened, self.clock, cause or current_cause())
            yield unit
            await unit.finish()
        self.wake(tables)

    def wake(self, committed: OpenTables) -> None:
        if committed.outbox.is_changed:
            self.wakeups.send("outbox")
        if committed.jobs.is_changed:
            self.wakeups.send("jobs")


class SimulatedReactions:
    """`waypost.ports.consumer_transaction.Reactions`."""

    def __init__(self, connection: Connection, tables: OpenTables, units: SimulatedUnits) -> None:
        self._connection = connection
        self._tables = tables
        self._units = units
        self._begun: list[SimulatedUnit] = []

    async def begin(self, tenant_id: TenantId, cause: Cause) -> SimulatedUnit:
        bound = MemoryTransaction(self._tables, frozenset((tenant_id,)))
        self._begun.append(unit := SimulatedUnit(self._connection, bound, self._units.clock, cause))
        return unit

    async def finish(self) -> None:
        for unit in self._begun:
            await unit.finish()

    def send_wakeups(self) -> None:
        self._units.wake(self._tables)


class SimulatedTransaction:
    """`waypost.ports.consumer_transaction.ConsumerTransaction`."""

    inbox: Inbox
    parked_keys: ParkedKeys
    dead_letters: DeadLetters
    deferrals: Deferrals

    def __init__(self, connection: Connection, opened: MemoryTransaction, name: str, units: SimulatedUnits) -> None:
        self.inbox = cast(Any, Remote(MemoryInbox(opened, name), connection))
        self.parked_keys = cast(Any, Remote(MemoryParkedKeys(opened, name), connection))
        self.dead_letters = cast(Any, Remote(MemoryDeadLetters(opened, name), connection))
        self.deferrals = cast(Any, Remote(MemoryDeferrals(opened, name), connection))
        self._reactions = SimulatedReactions(connection, opened.tables, units)

    @property
    def rows(self) -> AsyncConnection:
        raise NotImplementedError("there are no tables in memory")

    async def readable(self, envelopes: Sequence[Envelope[Event]]) -> Sequence[Envelope[Event] | None]:
        """In memory nothing is encrypted."""
        return envelopes

    def reactions(self) -> SimulatedReactions:
        return self._reactions


class SimulatedTransactions:
    """`waypost.ports.consumer_transaction.ConsumerTransactions` of one consumer in one process."""

    def __init__(self, world: "World", process: SimulatedProcess, name: str, units: SimulatedUnits) -> None:
        self._world = world
        self._process = process
        self._name = name
        self._units = units

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[SimulatedTransaction]:
        async with transaction(self._world, self._process) as (connection, tables):
            opened = MemoryTransaction(tables, frozenset(tenants))
            yield SimulatedTransaction(connection, opened, self._name, self._units)

    async def is_reachable(self) -> bool:
        return True


class SimulatedOutbox:
    """`waypost.ports.outbox.Outbox` of one process."""

    def __init__(self, world: "World", process: SimulatedProcess) -> None:
        self._world = world
        self._process = process

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[OutboxLease]:
        connection = Connection(self._world, self._process, "outbox")
        try:
            await connection.transmit("connect")
            lease = _SilentLease(self._world.database.outbox, connection)
            self._world.database.outbox.leases.append(lease)
            connection.on_end.append(lease.end)
            yield cast(OutboxLease, Remote(lease, connection))
        finally:
            connection.close()

    async def backlog(self) -> Backlog:
        return await self._world.database.outbox.backlog()


class _SilentLease(MemoryOutboxLease):
    """A lease that is silent when its connection is."""

    def __init__(self, outbox: MemoryOutbox, connection: Connection) -> None:
        super().__init__(outbox)
        self._connection = connection

    async def end_silent_relays(self) -> int:
        for lease in self._outbox.leases:
            assert isinstance(lease, _SilentLease)
            lease.silent = lease._connection.is_silent(SILENT_RELAY_SECONDS)
        return await super().end_silent_relays()

    def end(self) -> None:
        self.lost = True
        self._outbox.leases = [other for other in self._outbox.leases if other is not self]
