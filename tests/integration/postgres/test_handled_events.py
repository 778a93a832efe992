"""Which events the consumers have handled, from inbox and dead letters."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.fixtures.outbox import migrate_toolkit
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.ports.handled_events import Awaited, Handling
from waypost.postgres.database import Database
from waypost.postgres.handled_events import HANDLING, PostgresHandledEvents
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected

CONSUMER = "users.dunning"
TENANT = TenantId(uuid4())

_CLAIM = """
insert into processed_messages (consumer, event_id, tenant_id, topic, partition, kafka_offset)
values ($1, $2, $3, 'billing.invoice', 0, 1)"""

_DEAD_LETTER = """
insert into dead_letters (id, consumer, event_id, tenant_id, topic, partition, kafka_offset, headers, status)
values ($1, $2, $3, $4, 'billing.invoice', 0, 1, '{}', $5)"""

_FILL = (
    """
    insert into processed_messages (consumer, event_id, tenant_id, topic, partition, kafka_offset)
    select $1, gen_random_uuid(), $2, 'billing.invoice', 0, n from generate_series(1, 20000) as n""",
    """
    insert into dead_letters (id, consumer, event_id, tenant_id, topic, partition, kafka_offset, headers, status)
    select gen_random_uuid(), $1, gen_random_uuid(), $2, 'billing.invoice', 0, n, '{}', 'waiting'
    from generate_series(1, 2000) as n""",
)


@pytest.fixture
async def users(database: Databases) -> ServiceDatabase:
    return await database("users", migrate_toolkit)


@pytest.fixture
async def pool(users: ServiceDatabase) -> AsyncIterator[Database]:
    """With the rights of an API."""
    pool = Database(users.app, application_name="test", pool_size=1, schemas=[])
    yield pool
    await pool.close()


async def event_of(
    owner: asyncpg.Connection, *, claimed_by: str = CONSUMER, tenant_id: UUID = TENANT, dead_letter: str | None = None
) -> Awaited:
    """Awaited by the consumer and the tenant of this file."""
    event_id = EventId(new_id())
    await owner.execute(_CLAIM, claimed_by, event_id, tenant_id)
    if dead_letter is not None:
        await owner.execute(_DEAD_LETTER, new_id(), claimed_by, event_id, tenant_id, dead_letter)
    return Awaited(CONSUMER, event_id, TENANT)


@pytest.mark.parametrize(
    ("dead_letter", "handling"),
    [
        (None, Handling.HANDLED),
        ("retrying", None),
        ("waiting", None),
        ("dead", Handling.DEAD),
        ("redriven", Handling.HANDLED),
        ("discarded", Handling.HANDLED),
        ("superseded", Handling.HANDLED),
        ("adopted", Handling.HANDLED),
    ],
)
async def test_a_claimed_event_is_handled_unless_its_dead_letter_is_open(
    users: ServiceDatabase, pool: Database, dead_letter: str | None, handling: Handling | None
) -> None:
    async with connected(users.owner) as owner:
        awaited = await event_of(owner, dead_letter=dead_letter)
    expected = {} if handling is None else {awaited: handling}
    assert await PostgresHandledEvents(pool).handling([awaited]) == expected


async def test_events_of_other_tenants_and_claims_of_other_consumers_count_as_not_arrived(
    users: ServiceDatabase, pool: Database
) -> None:
    async with connected(users.owner) as owner:
        own = await event_of(owner)
        others = [await event_of(owner, tenant_id=uuid4()), await event_of(owner, claimed_by="users.other")]
    unknown = Awaited(CONSUMER, EventId(new_id()), TENANT)
    handled = PostgresHandledEvents(pool)
    assert await handled.handling([own, *others, unknown]) == {own: Handling.HANDLED}
    assert await handled.handling([]) == {}


async def test_the_query_reads_two_unique_indexes(users: ServiceDatabase) -> None:
    async with connected(users.owner) as owner:
        for statement in _FILL:
            await owner.execute(statement, CONSUMER, TENANT)
        await owner.execute("analyze processed_messages, dead_letters")
        await owner.execute("set plan_cache_mode = force_generic_plan")
        await owner.execute(f"prepare handling (text[], uuid[], uuid[]) as {HANDLING}")
        plan = await owner.fetch("explain execute handling ('{a}', '{}', '{}')")
    text = "\n".join(row[0] for row in plan)
    for index in ("processed_messages_pkey", "dead_letters_consumer_event_id_key"):
        assert index in text, text
