"""The consumers that a service declares, stored by its worker. A command reads them here, because
the import of the declarations takes longer than all its queries.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from waypost.ports.declared_consumer import ConsumerKind, DeclaredConsumer
from waypost.postgres.reads import Reads
from waypost.postgres.sql import Sql

if TYPE_CHECKING:  # a command that only reads does not load SQLAlchemy
    from waypost.postgres.database import Database

# Two workers that start at the same time store their lists one after the other.
_LOCK = "lock table declared_consumers in share row exclusive mode"

_DELETE = "delete from declared_consumers where consumer <> all ($1::text[])"

_STORE = """
insert into declared_consumers (consumer, kind, topics)
select consumer, kind, topics from jsonb_to_recordset($1::jsonb) as declared (consumer text, kind text, topics text[])
on conflict (consumer) do update set kind = excluded.kind, topics = excluded.topics
where (declared_consumers.kind, declared_consumers.topics) is distinct from (excluded.kind, excluded.topics)"""

_STORED = "select consumer, kind, topics from declared_consumers order by consumer"


async def store_consumers(database: "Database", consumers: Sequence[DeclaredConsumer]) -> None:
    """Replaces the stored list. Raises Transient."""
    rows = [{"consumer": each.group, "kind": each.kind, "topics": list(each.topics)} for each in consumers]
    async with database.transaction() as connection:
        sql = Sql(connection)
        await sql.execute(_LOCK)
        await sql.execute(_DELETE, [each.group for each in consumers])
        await sql.execute(_STORE, json.dumps(rows))


async def read_stored_consumers(ops: Reads) -> Sequence[DeclaredConsumer]:
    """The list of the worker that stored last. Empty before a worker has started. Raises
    Transient.
    """
    return [
        DeclaredConsumer(group=row["consumer"], kind=ConsumerKind(row["kind"]), topics=row["topics"])
        for row in await ops.fetch(_STORED)
    ]
