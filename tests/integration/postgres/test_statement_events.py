"""The statements of a transaction are events of the span that runs them: SQLAlchemy's and the
driver's, successful and failed.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.fixtures.club import migrate, opened
from waypost.kernel.cause import Cause
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.database import Database
from waypost.postgres.reactions import PostgresReactions
from waypost.postgres.sql import Sql
from waypost.telemetry import names
from waypost.telemetry.statements import statement_name
from waypost.testing.database import Databases

tracer = trace.get_tracer(__name__)


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[Database]:
    async with opened((await database("club", migrate)).app) as pool:
        yield pool


async def test_every_statement_of_a_transaction_is_an_event(pool: Database, spans: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("POST /members"):
        async with pool.transaction() as connection:
            sql = Sql(connection)
            await connection.execute(text("select count(*) from greetings"))
            await sql.fetch("select 1")
            await sql.fetchrow("select 2")
            await sql.fetchval("select event_id from greetings")
            await sql.execute("delete from parked_keys where false")
            await sql.executemany("insert into parked_keys values ('club.members', 'users.user', $1)", [[b"a"], [b"b"]])
    assert events(spans) == [
        ("begin", None),
        ("select greetings", None),
        ("select", None),
        ("select", None),
        ("select greetings", None),
        ("delete parked_keys", None),
        ("insert parked_keys", None),
        ("commit", None),
    ]


async def test_a_failed_statement_has_its_error(pool: Database, spans: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("POST /members"):
        with pytest.raises(DBAPIError):
            async with pool.transaction() as connection:
                await connection.execute(text("select 1 / 0"))
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with pool.transaction() as connection:
                await Sql(connection).execute("select 1 / 0")
    failed = [(name, error) for name, error in events(spans) if name == "select"]
    assert [error is not None for _, error in failed] == [True, True]


async def test_bindings_of_tenants_share_one_name(pool: Database, spans: InMemorySpanExporter) -> None:
    """Names are kept in a cache, from which a text per tenant would evict the others."""
    tenants = [TenantId(new_id()) for _ in range(10)]
    cause, kept = Cause(correlation_id=new_id(), causation_id=new_id()), statement_name.cache_info().currsize
    with tracer.start_as_current_span("process users.user"):
        async with pool.transaction(tenants) as connection:
            reactions = PostgresReactions(connection, cast(Any, NoUnits()), frozenset(tenants))
            for tenant in tenants:
                await reactions.begin(tenant, cause)
    assert len(events(spans)) == 12
    assert statement_name.cache_info().currsize <= kept + 3  # begin, the bindings, commit


class NoUnits:
    def over(self, *_: object) -> None: ...


def events(spans: InMemorySpanExporter) -> list[tuple[str, object]]:
    (span,) = spans.get_finished_spans()
    return [(event.name, (event.attributes or {}).get(names.ERROR_TYPE)) for event in span.events]
