"""A server or a pooler that refuses sessions while a process runs: no handler is at fault, so the
work waits as in an outage, and uses no attempts. At the start of a process it is an error of a
setting.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.fixtures.jobs import Service, migrate
from tests.fixtures.pooler import Pooler, running_pooler
from waypost.engine.retry import failure_of
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import failure
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Misconfigured
from waypost.postgres.database import Database
from waypost.postgres.poolers import PoolerRefused
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.refused_sessions import SessionRefused
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.web.errors import status_of

AT_ONCE = Backoff(first_seconds=0.01, factor=1)
POOLER = "pooler"
BY_THE_SERVER = {
    "right revoked": (
        'revoke connect on database "{name}" from "{role}"',
        'grant connect on database "{name}" to "{role}"',
    ),
    "closed": (
        'alter database "{name}" with allow_connections false',
        'alter database "{name}" with allow_connections true',
    ),
    "renamed": (
        'alter database "{name}" rename to "{name}_away"',
        'alter database "{name}_away" rename to "{name}"',
    ),
}
END_SESSIONS = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1"


@contextmanager
def pooled(pooler: Pooler) -> Iterator[None]:
    """In the block, the address of the database leads to a pooler."""
    pooler.take_over()
    try:
        yield
    finally:
        pooler.step_aside()


@asynccontextmanager
async def refusing(
    cause: str, where: ServiceDatabase, pooler: Pooler, admin: asyncpg.Connection
) -> AsyncIterator[None]:
    """In the block, the role of the service gets no session. Its sessions have ended."""
    if cause == POOLER:
        with pooled(pooler):
            yield
        return
    names = {"name": where.name, "role": urlsplit(where.app).username}
    begin, end = (statement.format(**names) for statement in BY_THE_SERVER[cause])
    if cause != "renamed":
        await admin.execute(begin)
    await admin.execute(END_SESSIONS, where.name)
    if cause == "renamed":  # a database without sessions
        await admin.execute(begin)
    try:
        yield
    finally:
        await admin.execute(end)


@pytest.mark.parametrize("cause", [POOLER, *BY_THE_SERVER])
async def test_a_refused_session_is_an_outage_for_a_running_process(
    database: Databases, postgres: str, cause: str
) -> None:
    where = await database("users")
    async with running_pooler(where.app) as pooler, connected(postgres) as admin:
        pooler.step_aside()
        pool = Database(pooler.before(where.app), application_name="tests", pool_size=2)
        try:
            assert await pool.is_reachable()
            async with refusing(cause, where, pooler, admin):
                with pytest.raises(SessionRefused, match=r"Correct the role|Set WAYPOST_APP_DSN") as refused:
                    async with pool.transaction():
                        raise AssertionError("a transaction began")
                assert not await pool.is_reachable()
            assert await pool.is_reachable()
        finally:
            await pool.close()
    error = refused.value
    assert isinstance(error, PoolerRefused) is (cause == POOLER)
    assert isinstance(error, Misconfigured)
    assert failure_of(error).uses_no_attempt
    assert status_of(type(error)) == 503


@pytest.mark.parametrize("cause", [POOLER, "right revoked", "closed"])
async def test_a_job_that_gets_no_session_uses_no_attempt(
    database: Databases, postgres: str, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the end of its execution, which is stored when sessions are opened again. The second
    execution fails; it would be the last if the first counted.
    """
    monkeypatch.setattr(failure, "PAUSES", AT_ONCE)
    where = await database("billing", migrate)
    refused, lasting = asyncio.Event(), AsyncExitStack()

    async def charge(job: JobContext) -> int:
        if job.executions == 1:
            await lasting.enter_async_context(refusing(cause, where, pooler, admin))
            refused.set()
        async with job.begin():
            if job.executions == 2:
                raise RuntimeError
            return job.executions

    async with running_pooler(where.app) as pooler, connected(postgres) as admin, lasting:
        pooler.step_aside()
        billing = Service(pooler.before(where.app), [Job(charge, max_attempts=2, retry=AT_ONCE)])
        try:
            with capture_logs() as logs:
                async with billing.working():
                    job = await billing.enqueue("charge")
                    await refused.wait()
                    await eventually(lambda: "job_outcome_delayed" in [entry["event"] for entry in logs])
                    await lasting.aclose()
                    status = await billing.becomes("complete", job)
        finally:
            await billing.close()
    assert (status.result, status.attempts, status.outages) == (3, 2, 1)


@pytest.mark.parametrize("error", [SessionRefused("db.internal refused"), PoolerRefused("db.internal is a pooler")])
def test_a_tenant_does_not_see_the_address_of_the_database(error: SessionRefused) -> None:
    assert failure.for_tenant(error) == "The job failed for a reason on our side."
    assert "db.internal" in failure.for_operators(error)
