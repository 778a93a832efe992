"""Storage of the order guard. Reactors share one table. An async projection has its own table in
its schema, so that a rebuild swaps both together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.ports.consumers import AsyncProjection, Consumer
from waypost.postgres.sql import Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The last handled version of each aggregate, for one consumer."""

    read_statement: str
    advance_statement: str
    consumer: str | None
    """Consumer column of the shared table. None for a projection's own table."""

    async def read(self, connection: AsyncConnection, topic: str, aggregates: Iterable[UUID]) -> Mapping[UUID, int]:
        wanted = list(aggregates)
        if not wanted:
            return {}
        rows = await Sql(connection).fetch(self.read_statement, *self._consumer_argument(), topic, wanted)
        return {row["aggregate_id"]: row["version"] for row in rows}

    async def advance(self, connection: AsyncConnection, topic: str, versions: Mapping[UUID, int]) -> None:
        if not versions:
            return
        await Sql(connection).execute(
            self.advance_statement, *self._consumer_argument(), topic, list(versions), list(versions.values())
        )

    def _consumer_argument(self) -> tuple[str, ...]:
        return () if self.consumer is None else (self.consumer,)


def versions_of(consumer: Consumer, name: str) -> Versions:
    """The versions of the consumer `name`."""
    if isinstance(consumer, AsyncProjection):
        return versions_in(consumer.name)
    return Versions(
        consumer=name,
        read_statement="""
            select aggregate_id, version from consumer_versions
            where consumer = $1 and topic = $2 and aggregate_id = any ($3::uuid[])""",
        advance_statement="""
            insert into consumer_versions (consumer, topic, aggregate_id, version)
            select $1, $2, aggregate_id, version from unnest($3::uuid[], $4::bigint[]) as reached (aggregate_id, version)
            on conflict (consumer, topic, aggregate_id)
                do update set version = greatest(consumer_versions.version, excluded.version)""",
    )


def versions_in(schema: str) -> Versions:
    """The table `versions` in the schema of an async projection."""
    return Versions(
        consumer=None,
        read_statement=f"select aggregate_id, version from {schema}.versions where topic = $1 and aggregate_id = any ($2::uuid[])",
        advance_statement=f"""
            insert into {schema}.versions (topic, aggregate_id, version)
            select $1, aggregate_id, version from unnest($2::uuid[], $3::bigint[]) as reached (aggregate_id, version)
            on conflict (topic, aggregate_id) do update set version = greatest(versions.version, excluded.version)""",
    )
