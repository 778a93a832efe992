"""A database of the previous version keeps its data, and the product works on it after the
upgrade.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.fixtures.jobs import Service
from tests.integration.postgres.upgrades.catalogue import catalogue
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.ids import EventId, JobId, TenantId
from waypost.ports.consumers import Reactor
from waypost.ports.dead_letters import DeadLetterStatus, ParkedKey
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.parked_keys import PostgresParkedKeys
from waypost.postgres.dead_letters.store import PostgresDeadLetters
from waypost.postgres.inbox import PostgresInbox
from waypost.postgres.migrate import migrate_toolkit
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.revisions import MigrationLine
from waypost.postgres.versions import versions_of
from waypost.testing.database import connected

CONSUMER = "billing.customers"


def known(number: int) -> UUID:
    """An id in `version_0001.sql`."""
    return UUID(f"01a21327-343b-78b8-828e-29818cbf{number:04d}")


TENANT, CUSTOMER = TenantId(known(1)), known(2)
TABLES = [
    "consumer_offsets",
    "consumer_versions",
    "dead_letters",
    "events",
    "idempotency_keys",
    "job_results",
    "job_schedules",
    "jobs",
    "operator_actions",
    "outbox",
    "outbox_quarantine",
    "parked_keys",
    "processed_messages",
]


async def rows(where: ServiceDatabase) -> dict[str, list[dict[str, object]]]:
    """Every row of every table of the previous version, as its owner sees them without row-level
    security.
    """
    found = {}
    async with connected(where.owner) as owner, owner.transaction():
        for table in TABLES:
            await owner.execute(f"alter table {table} no force row level security")
            found[table] = [dict(row) for row in await owner.fetch(f"select * from {table} order by 1, 2")]
            if table in ("events", "idempotency_keys", "job_results"):
                await owner.execute(f"alter table {table} force row level security")
    return found


@asynccontextmanager
async def opened(where: ServiceDatabase, *declared: Job) -> AsyncIterator[Service]:
    service = Service(where.app, declared)
    service.tenant = TENANT
    try:
        yield service
    finally:
        await service.close()


@pytest.fixture
async def upgraded(previous: ServiceDatabase, next_release: MigrationLine) -> ServiceDatabase:
    await migrate_toolkit("billing", previous.owner, toolkit=next_release)
    return previous


async def test_every_row_is_kept(previous: ServiceDatabase, next_release: MigrationLine) -> None:
    before = await rows(previous)
    assert all(before.values()), "the dump has a row in every table"
    (toolkit,) = await migrate_toolkit("billing", previous.owner, toolkit=next_release)
    assert (toolkit.before, toolkit.after) == ("0001", "9999")
    after = await rows(previous)
    for table, kept in before.items():
        assert [{**row, **old} for row, old in zip(after[table], kept, strict=True)] == after[table], table


async def test_an_upgraded_database_has_the_tables_of_a_new_one(
    upgraded: ServiceDatabase, empty: ServiceDatabase, next_release: MigrationLine
) -> None:
    await migrate_toolkit("billing", empty.owner, toolkit=next_release)
    assert await catalogue(upgraded) == await catalogue(empty)


async def test_dead_letters_are_found_and_redriven_in_order(upgraded: ServiceDatabase) -> None:
    async with opened(upgraded) as service, service.database.transaction([TENANT]) as connection:
        dead_letters = PostgresDeadLetters(connection, CONSUMER)
        parked = ParkedKey("users.user", str(CUSTOMER).encode())
        first = await dead_letters.first(parked, above=0)
        assert first is not None and first.failure is not None
        assert (first.sequence, first.status, first.attempts) == (3, DeadLetterStatus.DEAD, 3)
        assert (first.record.value, first.record.headers[1]) == (b"\x00\xffbytes", ("odd", b"\xff"))
        assert await PostgresParkedKeys(connection, CONSUMER).lock(parked)
        await dead_letters.update(first.id, status=DeadLetterStatus.REDRIVEN, attempts=4)
        following = await dead_letters.first(parked, above=3)
        assert following is not None and following.sequence == 4


async def test_an_event_that_was_handled_is_known(upgraded: ServiceDatabase) -> None:
    async with opened(upgraded) as service, service.database.transaction([TENANT]) as connection:
        inbox = PostgresInbox(connection, CONSUMER, versions_of(Reactor("customers", {}), CONSUMER))
        partition = Partition("users.user", 1)
        assert (await inbox.consumer_position(partition)).next_offset == 45
        assert await inbox.versions("users.user", [CUSTOMER]) == {CUSTOMER: 2}
        entries = [InboxEntry(event_id=EventId(each), tenant_id=TENANT, offset=45) for each in (known(2), known(5))]
        assert await inbox.claim(partition, entries) == {known(5)}


async def test_the_outbox_is_published(upgraded: ServiceDatabase) -> None:
    async with PostgresOutbox(upgraded.relay).lease() as lease:
        owned = await lease.acquire(range(16), at_most=16)
        (row,) = await lease.read_pending(owned, in_flight=(), held=(), rows_per_shard=10, bytes_per_shard=1_000_000)
        assert (row.topic, row.payload) == ("billing.invoice", b"\x00\x01published later")
        assert await lease.delete([row]) == 1


async def test_a_job_runs(upgraded: ServiceDatabase) -> None:
    charged: asyncio.Queue[UUID] = asyncio.Queue()

    async def charge(context: JobContext[None], invoice_id: UUID) -> None:
        charged.put_nowait(invoice_id)

    async with connected(upgraded.owner) as owner:
        job_id = JobId(await owner.fetchval("select id from jobs"))
    async with opened(upgraded, Job(charge)) as service, service.working():
        assert await charged.get() == known(7)
        await service.becomes("complete", job_id)
