"""The transactions at the end of a rebuild: one compares live and new tables, the other replaces
the live ones.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Conflict
from waypost.kernel.ids import TenantId
from waypost.ports.consumers import AsyncProjection
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.operator_decisions import OperatorDecisions
from waypost.ports.rebuild import ComparisonReport, ShadowBehind, ShadowTransactions
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.rows import FAILURE_COLUMNS, IS_OPEN
from waypost.postgres.inbox import POSITION_COLUMNS
from waypost.postgres.projection_schema import PERSON_KEYS_SCHEMA, search_path
from waypost.postgres.rebuild.comparison import check, compare
from waypost.postgres.rebuild.operator_decisions import operator_decisions
from waypost.postgres.rebuild.schemas import Names
from waypost.postgres.rebuild.transactions import SwapTransactions
from waypost.postgres.schema_locks import limit_locks

SWAP_IDLE_SECONDS = 5
SNAPSHOT_IDLE_SECONDS = 30

# Lock the positions first: a live consumer locks its position before parked rows, so that the two
# cannot deadlock.
_POSITIONS = text(f"select topic, partition, {POSITION_COLUMNS} from consumer_offsets where consumer = :consumer")
_LOCK_POSITIONS = text(f"{_POSITIONS.text} order by topic, partition for update")
_LOCK_PARKED = text("select from parked_keys where consumer = :live order by topic, key for update")

# If live and shadow both have a dead letter of one event, the live row takes the new failure and
# keeps its id, which operators may have noted.
_TAKE_OVER = text(
    f"""
    update dead_letters live set
        status = new.status, attempts = new.attempts, next_attempt_at = new.next_attempt_at, updated_at = now(),
        {", ".join(f"{name} = new.{name}" for name in FAILURE_COLUMNS)}
    from dead_letters new
    where live.consumer = :live and new.consumer = :shadow and new.event_id = live.event_id and live.status <> 'discarded'
    """
)
_FAILED_ADOPTIONS = text(
    f"""
    select count(*) from dead_letters where consumer = :shadow and {IS_OPEN}
      and event_id in (select event_id from dead_letters where consumer = :live and status = 'adopted')
    """
)
_SUPERSEDE = text(
    f"""
    update dead_letters live set status = 'superseded', updated_at = now()
    where consumer = :live and {IS_OPEN}
      and not exists (select from dead_letters new where new.consumer = :shadow and new.event_id = live.event_id)
    """
)
_DROP_TAKEN_OVER = text(
    """
    delete from dead_letters new using dead_letters live
    where new.consumer = :shadow and live.consumer = :live and live.event_id = new.event_id
    """
)
# The new tables include the deferred records. A key that has some cannot be deleted.
_END_DEFERRALS = text(
    "update parked_keys set deferred_from = null where consumer = :live and deferred_from is not null"
)
_UNPARK_LIVE = text("delete from parked_keys where consumer = :live")
_ADOPT_PARKED = text("update parked_keys set consumer = :live where consumer = :shadow")
_ADOPT_DEAD_LETTERS = text("update dead_letters set consumer = :live where consumer = :shadow")

_STEPS = (
    _TAKE_OVER,
    _SUPERSEDE,
    _DROP_TAKEN_OVER,
    _END_DEFERRALS,
    _UNPARK_LIVE,
    _ADOPT_PARKED,
    _ADOPT_DEAD_LETTERS,
)


async def begin_snapshot(connection: AsyncConnection, names: Names) -> None:
    """Begins a transaction whose statements see the live rows at one time, and the new rows with
    its own writes. The server ends it if its process freezes, because it holds back vacuum.
    """
    await connection.exec_driver_sql("set transaction isolation level repeatable read")
    await limit_locks(connection, idle_seconds=SNAPSHOT_IDLE_SECONDS)
    await use_new_schema(connection, names)


async def use_new_schema(connection: AsyncConnection, names: Names) -> None:
    await connection.exec_driver_sql(f"set local search_path to {search_path([names.new_schema, PERSON_KEYS_SCHEMA])}")


async def locked_live(connection: AsyncConnection, names: Names) -> Mapping[Partition, ConsumerPosition]:
    """Blocks the live consumer: its next transaction waits at the fence, and its redrives find no
    parked key.
    """
    await limit_locks(connection, idle_seconds=SWAP_IDLE_SECONDS)
    await use_new_schema(connection, names)
    live = await positions(connection, names.live, _LOCK_POSITIONS)
    await connection.execute(_LOCK_PARKED, {"live": names.live})
    return live


async def positions(
    connection: AsyncConnection, consumer: str, statement: TextClause = _POSITIONS
) -> Mapping[Partition, ConsumerPosition]:
    return {
        Partition(row.topic, row.partition): ConsumerPosition(
            next_offset=row.next_offset, topic_id=row.topic_id, last_record=row.last_record, starts=row.starts
        )
        for row in await connection.execute(statement, {"consumer": consumer})
    }


async def rename_schemas(connection: AsyncConnection, names: Names) -> None:
    """Renames the new schema to the live name. Statements prepared before use the new tables at
    their next execution. The replaced tables are dropped after the commit (`remove_remains`): to
    drop them here would wait for their readers while the live consumer waits for this transaction.
    """
    for statement in (
        f"drop schema if exists {names.old_schema} cascade",
        f"alter schema {names.schema} rename to {names.old_schema}",
        f"alter schema {names.new_schema} rename to {names.schema}",
    ):
        await connection.exec_driver_sql(statement)


class _LivePositions:
    def __init__(
        self,
        connection: AsyncConnection,
        names: Names,
        projection: AsyncProjection,
        live: Mapping[Partition, ConsumerPosition],
        shadow: Mapping[Partition, ConsumerPosition],
    ) -> None:
        self.live = live
        self.shadow = shadow
        self.transactions: ShadowTransactions = SwapTransactions(connection, names)
        self._connection = connection
        self._names = names
        self._projection = projection


class PostgresSnapshot(_LivePositions):
    """`waypost.ports.rebuild.Snapshot`, inside its transaction."""

    async def compare(self, tenants: Iterable[TenantId]) -> ComparisonReport:
        return await compare(self._connection, self._names, self._projection, tenants)


class PostgresSwap(_LivePositions):
    """`waypost.ports.rebuild.Swap`, inside its transaction."""

    completed = False

    async def operator_decisions(self) -> OperatorDecisions:
        return await operator_decisions(self._connection, self._names.live)

    async def check(self, comparison: ComparisonReport) -> ComparisonReport:
        return await check(self._connection, self._names, self._projection, comparison)

    async def complete(self) -> None:
        await self._refuse_new_partitions()
        await self._refuse_failed_adoptions()
        consumers = {"live": self._names.live, "shadow": self._names.shadow}
        for statement in _STEPS:
            needed = {name: value for name, value in consumers.items() if f":{name}" in str(statement)}
            await self._connection.execute(statement, needed)
        await rename_schemas(self._connection, self._names)
        self.completed = True

    async def _refuse_failed_adoptions(self) -> None:
        """Raises Conflict: the swap would replace an operator's decision by the failure."""
        consumers = {"live": self._names.live, "shadow": self._names.shadow}
        if failed := await self._connection.scalar(_FAILED_ADOPTIONS, consumers):
            raise Conflict(
                f"{failed} adopted events cannot be handled by this release. Nothing was changed; correct the handler, and"
                " rebuild again"
            )

    async def _refuse_new_partitions(self) -> None:
        """Raises ShadowBehind if the live consumer started a partition that had no position to
        lock. Its rows would be lost with the old tables.
        """
        live = await positions(self._connection, self._names.live, _LOCK_POSITIONS)
        for partition, consumer_position in live.items():
            if partition not in self.live and consumer_position.next_offset > 0:
                raise ShadowBehind(f"the live consumer has started {partition} meanwhile")
