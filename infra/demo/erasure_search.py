"""Searches databases, topics and files for a text that only one person's data contains."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.envelope import Record
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import records_until
from waypost.postgres.direct import close_directly, connect_directly

_TABLES = """
select format('%I.%I', nspname, relname) from pg_class join pg_namespace as space on space.oid = relnamespace
where relkind = 'r' and nspname not in ('pg_catalog', 'information_schema') order by 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The result of one search."""

    searched: int
    """Tables, records, or files with lines."""
    found: Mapping[str, int]
    """The number of rows, records or lines with the text, by database and table, topic or file."""


async def search_tables(owner_dsns: Mapping[str, str], tenant_id: UUID, mark: str) -> Search:
    """Searches every table of the databases, by service, for the text and its bytes. Row-level
    security hides the rows of other tenants.
    """
    found, searched = {}, 0
    for service, dsn in owner_dsns.items():
        owner = await connect_directly(dsn, application_name="erasure-search")
        try:
            await owner.execute("select set_config('app.tenants', $1, false)", str(tenant_id))
            for (table,) in await owner.fetch(_TABLES):
                query = f"select count(*) from {table} as r where to_jsonb(r)::text like any ($1::text[])"
                number = await owner.fetchval(query, [f"%{mark}%", f"%{mark.encode().hex()}%"])
                searched += 1
                if number:
                    found[f"{service} {table}"] = number
        finally:
            await close_directly(owner)
    return Search(searched=searched, found=found)


async def search_topics(brokers: Brokers, topics: Sequence[str], mark: str, *, since: datetime | None = None) -> Search:
    """Searches key, value and headers of each record that was written since the time."""
    async with connected_client(brokers) as client:
        described = await describe(client, topics)
    partitions = [Partition(name, number) for name, topic in described.items() for number in range(topic.partitions)]
    found: Counter[str] = Counter()
    searched = 0
    async with KafkaTopicLogs(brokers).opened(partitions) as log:
        ends = await log.end_offsets()
        starts = await (log.first_offsets() if since is None else log.offsets_since(since))
        log.seek(starts)
        for partition in starts:
            async for records in records_until(log, partition, ends[partition]):
                searched += len(records)
                found[partition.topic] += sum(
                    any(mark.encode() in part for part in _parts(record)) for record in records
                )
    return Search(searched=searched, found=+found)


def search_files(files: Iterable[Path], mark: str) -> Search:
    """Searches each line of the files. Counts the files that have lines."""
    found, searched = {}, 0
    for file in files:
        lines = file.read_bytes().splitlines()
        searched += bool(lines)
        if number := sum(mark.encode() in line for line in lines):
            found[file.name] = number
    return Search(searched=searched, found=found)


def _parts(record: Record) -> Iterable[bytes]:
    yield from (part for part in (record.key, record.value) if part)
    yield from (value for _, value in record.headers)
