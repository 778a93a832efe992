"""The API while its database is slow, out of connections, locked, or resets itself (rows 23 to 26
of the fault matrix): each request is answered with its result or with 503, and a repeated request
takes effect once.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import make_url

from infra.stack.keys import load_or_make_keys
from infra.stack.places import inherited
from tests.fixtures.processes import running
from tests.fixtures.proxy import Proxy
from tests.integration.users.service import PASSWORD
from waypost.kernel.ids import new_id
from waypost.native.ports import LOOPBACK, free_ports
from waypost.native.postgres import Postgres
from waypost.testing.database import Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder
from waypost.testing.http import caller

CONNECTIONS = 60
AT_ONCE = 30
"""Requests; more than the API has connections."""
SECONDS = 30.0
"""The limit of a client, above every limit of the API."""
STORED = "select count(*) from events where type = 'tenant.created'"
SESSIONS = "select pid from pg_stat_activity where application_name like 'users-api%'"
END_SESSIONS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'users-api%'"

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    http: httpx.AsyncClient
    proxy: Proxy
    server: Postgres
    owner_dsn: str

    async def open_tenant(self, key: str) -> int:
        """The status of the response."""
        owner = {"email": f"{key}@example.com", "password": PASSWORD, "display_name": "Grace Hopper"}
        body = {"name": "Engines", "owner": owner}
        headers = {"Idempotency-Key": key}
        return (await self.http.post("/tenants", json=body, headers=headers, timeout=SECONDS)).status_code

    async def open_tenants(self, keys: Sequence[str]) -> Counter[int]:
        return Counter(await asyncio.gather(*(self.open_tenant(key) for key in keys)))

    async def all_are_open(self, keys: Sequence[str]) -> bool:
        return await self.open_tenants(keys) == {201: len(keys)}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    (proxy_port, port, api_port), keys = free_ports(3), load_or_make_keys(tmp_path / "keys")
    with scratch_folder(in_memory=True) as folder:
        server = Postgres(
            folder / "postgres", port=port, password="of a test", max_connections=CONNECTIONS, durable=False
        )
        await server.start()
        try:
            async with connected(server.admin_dsn) as admin:
                where = await Templates(admin, server.admin_dsn).copy("users")
            environment = {
                **inherited(),
                "WAYPOST_APP_DSN": behind(where.app, proxy_port),
                "WAYPOST_OPS_DSN": where.ops,
                "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",
                "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
                "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
                "OTEL_TRACES_EXPORTER": "none",
                # All callers have one address, which may not open so many tenants.
                "WAYPOST_RATE_LIMITING": "false",
            }
            async with (
                Proxy(proxy_port, to_port=port) as proxy,
                running("users", {"api": api_port}, environment, tmp_path),
                caller(f"http://{LOOPBACK}:{api_port}") as http,
            ):
                yield Api(http=http, proxy=proxy, server=server, owner_dsn=where.owner)
        finally:
            await server.kill()


def behind(dsn: str, port: int) -> str:
    return make_url(dsn).set(host=LOOPBACK, port=port).render_as_string(hide_password=False)


Fault = Callable[[Api], AbstractAsyncContextManager[None]]


def slow_by(seconds: float) -> Fault:
    @asynccontextmanager
    async def slow(api: Api) -> AsyncIterator[None]:
        api.proxy.delay_seconds = seconds
        yield
        api.proxy.delay_seconds = 0.0

    return slow


@asynccontextmanager
async def without_free_connections(api: Api) -> AsyncIterator[None]:
    """Every connection of the server is taken, those of the API included."""
    async with connected(api.server.admin_dsn) as admin, AsyncExitStack() as others:
        for _ in range(2):
            await _take_all(api.server.admin_dsn, others)
            await admin.execute(END_SESSIONS)
        await _take_all(api.server.admin_dsn, others)
        yield


async def _take_all(dsn: str, others: AsyncExitStack) -> None:
    while True:
        try:
            others.push_async_callback((await asyncpg.connect(dsn)).close)
        except asyncpg.TooManyConnectionsError:
            return


@asynccontextmanager
async def locked(api: Api) -> AsyncIterator[None]:
    """A foreign lock holds every connection of the API's pool."""
    async with connected(api.owner_dsn) as other, other.transaction():
        await other.execute("lock table events in access exclusive mode")
        yield


@asynccontextmanager
async def reset(api: Api) -> AsyncIterator[None]:
    """A session of the API is killed; PostgreSQL ends every other session and recovers."""
    async with connected(api.server.admin_dsn) as admin:
        pid = await admin.fetchval(SESSIONS)
        os.kill(pid, signal.SIGKILL)
    yield
    await eventually(api.server.is_reachable, deadline_seconds=30)


@pytest.mark.parametrize(
    ("fault", "refuses"),
    [
        pytest.param(slow_by(0.05), False, id="slow by 50 ms"),
        pytest.param(slow_by(0.5), False, id="slow by 500 ms"),
        pytest.param(without_free_connections, True, id="no connection is free"),
        pytest.param(locked, True, id="pool exhausted"),
        pytest.param(reset, False, id="session killed"),
    ],
)
async def test_requests_succeed_or_are_refused_with_503_and_take_effect_once(
    api: Api, fault: Fault, refuses: bool
) -> None:
    known = [str(new_id()) for _ in range(AT_ONCE)]
    assert await api.all_are_open(known[:1])
    async with fault(api):
        answers = await api.open_tenants(known)
    assert answers.keys() <= {201, 503}
    assert not refuses or answers[503] > 0
    await eventually(lambda: api.all_are_open(known), deadline_seconds=30)
    async with connected(api.owner_dsn) as owner:
        assert await owner.fetchval(STORED) == len(known)
