"""The one transaction in which new tables take the place of the live ones."""

from collections.abc import Iterable, Mapping

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.ids import TenantId
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.consumers import AsyncProjection
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.rebuild import ComparisonReport, LiveIsAhead
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.rows import FAILURE_COLUMNS, IS_OPEN
from waypost.postgres.rebuild.alone import rename
from waypost.postgres.rebuild.comparison import compare
from waypost.postgres.rebuild.names import Names
from waypost.postgres.rebuild.transactions import SwapTransactions
from waypost.postgres.tenancy import BIND, setting

# Positions first: a live consumer takes its own row first and parked rows after, so nobody waits
# for us while we wait for him.
LIVE = text("select topic, partition, next_offset, topic_id, starts from consumer_offsets where consumer = :live")
_LOCK_LIVE = text(f"{LIVE.text} order by topic, partition for update")
_LOCK_PARKED = text("select from parked_keys where consumer = :live order by topic, key for update")

# Two letters about one event: the new one's say counts, and the row keeps its id, so that an
# operator's note still finds it.
_TAKE_OVER = text(
    f"""
    update dead_letters live set
        status = new.status, attempts = new.attempts, next_attempt_at = new.next_attempt_at, updated_at = now(),
        {", ".join(f"{name} = new.{name}" for name in FAILURE_COLUMNS)}
    from dead_letters new
    where live.consumer = :live and new.consumer = :shadow and new.event_id = live.event_id and live.status <> 'discarded'
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
_UNPARK_LIVE = text("delete from parked_keys where consumer = :live")
_ADOPT_PARKED = text("update parked_keys set consumer = :live where consumer = :shadow")
_ADOPT_DEAD_LETTERS = text("update dead_letters set consumer = :live where consumer = :shadow")

_STEPS = (_TAKE_OVER, _SUPERSEDE, _DROP_TAKEN_OVER, _UNPARK_LIVE, _ADOPT_PARKED, _ADOPT_DEAD_LETTERS)


async def locked_live(connection: AsyncConnection, names: Names) -> Mapping[Partition, ConsumerPosition]:
    """Stops the live consumer: its next transaction waits at its fence, its drains find no parked
    key.
    """
    await connection.exec_driver_sql("set local lock_timeout = '2s'")
    await connection.exec_driver_sql(f"set local search_path to public, {names.new_schema}")
    live = await positions(connection, names, _LOCK_LIVE)
    await connection.execute(_LOCK_PARKED, {"live": names.live})
    return live


async def positions(
    connection: AsyncConnection, names: Names, statement: TextClause
) -> Mapping[Partition, ConsumerPosition]:
    return {
        Partition(row.topic, row.partition): ConsumerPosition(
            next_offset=row.next_offset, topic_id=row.topic_id, starts=row.starts
        )
        for row in await connection.execute(statement, {"live": names.live})
    }


class PostgresSwap:
    """`waypost.ports.rebuild.Swap`, inside its transaction."""

    def __init__(
        self,
        connection: AsyncConnection,
        names: Names,
        projector: AsyncProjection,
        live: Mapping[Partition, ConsumerPosition],
    ) -> None:
        self.live = live
        self.transactions: ConsumerTransactions = SwapTransactions(connection, names)
        self.completed = False
        self._connection = connection
        self._names = names
        self._projector = projector

    async def compare(self, tenants: Iterable[TenantId]) -> ComparisonReport:
        await self._connection.execute(BIND, {"tenants": setting(tenants)})
        return await compare(self._connection, self._names, self._projector)

    async def complete(self) -> None:
        await self._refuse_newcomers()
        consumers = {"live": self._names.live, "shadow": self._names.shadow}
        for statement in _STEPS:
            needed = {name: value for name, value in consumers.items() if f":{name}" in str(statement)}
            await self._connection.execute(statement, needed)
        await rename(self._connection, self._names)
        self.completed = True

    async def _refuse_newcomers(self) -> None:
        """A partition that live has taken up since had no position to be locked: its first rows
        would go with the old tables.
        """
        for partition, consumer_position in (await positions(self._connection, self._names, _LOCK_LIVE)).items():
            if partition not in self.live and consumer_position.next_offset > 0:
                raise LiveIsAhead(f"{partition} was taken up meanwhile")
