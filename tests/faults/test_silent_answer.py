"""One answer of the database never comes, and its connection reports no error: the work continues
on another connection.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club import Stage
from tests.fixtures.club.runtime import consuming
from tests.fixtures.club.stage import IMPATIENT
from tests.fixtures.jobs import Service, migrate
from tests.fixtures.proxy import Proxy
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.errors import Transient
from waypost.native.ports import LOOPBACK, free_ports
from waypost.postgres.database import Database
from waypost.postgres.sql import driver
from waypost.telemetry import metrics
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

NO_HEARTBEAT = JobWorkerSettings(lease_seconds=3600, poll_seconds=0.1)
BAITS = [
    pytest.param(b"delete from jobs using", id="of the statement"),
    pytest.param(b"commit", id="of a commit that did not happen"),
    pytest.param(b"COMMIT\0", id="of a commit that happened"),
]


@asynccontextmanager
async def proxied(dsn: str, *, pool_size: int = 2) -> AsyncIterator[tuple[Proxy, Database]]:
    """A pool behind a proxy, with a short limit for an answer."""
    url, (port,) = make_url(dsn), free_ports(1)
    assert url.port is not None
    async with Proxy(port, to_port=url.port) as proxy:
        behind = url.set(host=LOOPBACK, port=port).render_as_string(hide_password=False)
        pool = Database(
            behind, application_name="proxied", pool_size=pool_size, schemas=["members"], command_seconds=1.0
        )
        try:
            yield proxy, pool
        finally:
            await pool.close()


async def caught(proxy: Proxy) -> None:
    await eventually(lambda: proxy.has_caught)
    proxy.let_through_all_but_what_was_caught()


async def ask_the_driver(connection: AsyncConnection) -> object:
    return await driver(connection).fetchval("select 'bait'")


async def ask_by_sqlalchemy(connection: AsyncConnection) -> object:
    return await connection.scalar(text("select 'bait'"))


@pytest.mark.parametrize("ask", [ask_the_driver, ask_by_sqlalchemy])
async def test_a_transaction_fails_as_transient_and_its_connection_leaves_the_pool(
    database: Databases, ask: Callable[[AsyncConnection], Awaitable[object]]
) -> None:
    async with proxied((await database("billing", migrate)).app, pool_size=1) as (proxy, pool):
        async with pool.transaction() as connection:
            before = driver(connection).get_server_pid()
        proxy.become_silent_at(b"select 'bait'")

        async def asked() -> object:
            async with pool.transaction() as connection:
                return await ask(connection)

        asking = asyncio.create_task(asked())
        await caught(proxy)
        with pytest.raises(Transient, match="no answer in time"):
            async with asyncio.timeout(20):
                await asking
        async with pool.transaction() as connection:
            assert driver(connection).get_server_pid() != before


async def test_a_statement_alone_leaves_no_silent_connection_in_the_pool(database: Databases) -> None:
    async with proxied((await database("billing", migrate)).app, pool_size=1) as (proxy, pool):
        proxy.become_silent_at(b"select 'bait'")

        async def asked() -> object:
            async with pool.autocommit() as raw:
                return await raw.fetchval("select 'bait'")

        asking = asyncio.create_task(asked())
        await caught(proxy)
        with pytest.raises(Transient):
            async with asyncio.timeout(20):
                await asking
        async with pool.autocommit() as raw:
            assert await raw.fetchval("select 1") == 1


@pytest.mark.parametrize("bait", BAITS)
async def test_jobs_complete(database: Databases, bait: bytes) -> None:
    end = asyncio.Event()
    begun = asyncio.Event()

    async def hold(job: JobContext) -> None:
        begun.set()
        await end.wait()

    own = await database("billing", migrate)
    billing = Service(own.app, [Job(hold)], ops_dsn=own.ops)
    metrics.JOBS_PENDING.clear()
    job = await billing.enqueue("hold")
    async with proxied(own.app) as (proxy, pool), billing.working(database=pool, settings=NO_HEARTBEAT):
        await begun.wait()
        await eventually(
            lambda: any(each.samples for each in metrics.JOBS_PENDING.collect())
        )  # nothing else will commit
        proxy.become_silent_at(bait)
        end.set()
        await caught(proxy)
        assert (await billing.becomes("complete", job)).attempts == 1
        later = await billing.enqueue("hold")
        assert (await billing.becomes("complete", later)).attempts == 1
    await billing.close()


async def test_a_consumer_continues(stage: Stage) -> None:
    ann = stage.user()
    async with (
        proxied(stage.database.app, pool_size=5) as (proxy, pool),
        consuming(stage.bootstrap, pool, stage.club, stage.club.greetings, IMPATIENT),
    ):
        await eventually(lambda: stage.reached(0, consumers=1))
        proxy.become_silent_at(b"set next_offset = $5")
        await stage.topic.publish(*ann.tells("Ann", "Anna"))
        await caught(proxy)
        await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=30)
    assert await stage.greeted(ann) == [[1, 2]]
    assert await stage.dead_letters() == []
