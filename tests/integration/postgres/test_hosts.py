"""A DSN may name several servers: each client reaches the one that accepts writes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace

import asyncpg
import pytest

from tests.fixtures.database_pair import DatabasePair, running_pair
from waypost.native.ports import LOOPBACK
from waypost.postgres import hosts
from waypost.postgres.database import Database
from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.hosts import DEAD_PEER_OPTIONS, connect, dsn_of_each_host, socket_of
from waypost.postgres.read_session import read_session
from waypost.postgres.refused_sessions import SessionRefused
from waypost.postgres.sql import Sql
from waypost.testing.database import connected


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """`host:port` of a server that accepts connections and never answers."""

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, LOOPBACK, 0)
    yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    server.close()


def beside(dsn: str, first: str) -> str:
    return dsn.replace("@", f"@{first},", 1)


async def test_a_first_server_that_does_not_answer_does_not_hide_the_second(postgres: str, silent: str) -> None:
    connection = await connect(beside(postgres, silent), timeout=2)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_a_probe_without_time_for_the_first_server_reaches_the_second(postgres: str, silent: str) -> None:
    dsn = beside(postgres, silent)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await connect(dsn, timeout=10)
    async with asyncio.timeout(2):
        connection = await connect(dsn, timeout=10)
    await connection.close()


async def test_the_error_of_the_last_server_is_raised(silent: str) -> None:
    with pytest.raises(OSError, match="1"):
        await connect(f"postgresql://absent@{silent},{LOOPBACK}:1/nowhere", timeout=1)


async def test_a_wrong_password_is_not_tried_on_other_servers(postgres: str, silent: str) -> None:
    account, _, server = postgres.rpartition("@")
    wrong = f"{account}x@{server.replace('/', f',{silent}/', 1)}"
    with pytest.raises(SessionRefused, match=r"password authentication failed.*Correct the role") as refused:
        await connect(wrong, timeout=2)
    assert refused.value.sqlstate == asyncpg.InvalidPasswordError.sqlstate


async def test_the_check_for_a_pooler_has_the_rest_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = 100.0, list[float]()

    async def opened(server: str, *, timeout: float) -> None:
        nonlocal now
        now += 3.0
        given.append(timeout)

    async def checked(connection: None, server: str, *, timeout: float) -> None:
        given.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(asyncpg, "connect", opened)
    monkeypatch.setattr(hosts, "refuse_pooler", checked)
    monkeypatch.setattr(hosts, "time", SimpleNamespace(monotonic=lambda: now))
    with pytest.raises(TimeoutError):
        await connect("postgresql://absent@one/nowhere", timeout=5.0)
    assert given == [5.0, 2.0]


def test_each_server_keeps_account_and_parameters() -> None:
    assert dsn_of_each_host("postgresql://a:b@one:1,two:2/name?target_session_attrs=read-write") == [
        "postgresql://a:b@one:1/name?target_session_attrs=read-write",
        "postgresql://a:b@two:2/name?target_session_attrs=read-write",
    ]
    assert dsn_of_each_host("postgresql://one/name") == ["postgresql://one/name"]


async def test_every_client_of_a_process_follows_a_promotion() -> None:
    async with running_pair(synchronous=True) as pair:
        users = (await pair.databases("users"))["users"]
        pool = Database(users.app, application_name="tests", pool_size=2)
        try:
            assert await _port_of(pool) == _port(pair, 0)
            await pair.fail_over()
            assert await _port_of(pool) == _port(pair, 1)
        finally:
            await pool.close()
        session = await connect_directly(users.relay, application_name="tests")
        assert await session.fetchval("select inet_server_port()") == _port(pair, 1)
        await close_directly(session)
        async with read_session(users.ops, application_name="tests") as reads:
            (row,) = await reads.fetch("select inet_server_port() as port")
            assert row["port"] == _port(pair, 1)
        await pair.primary.start()
        async with connected(pair.primary.admin_dsn) as old:
            assert await old.fetchval("select pg_is_in_recovery()")


async def _port_of(pool: Database) -> int:
    async with pool.transaction() as connection:
        return int(await Sql(connection).fetchval("select inet_server_port()"))


def _port(pair: DatabasePair, server: int) -> int:
    hosts = pair.admin_dsn.rpartition("@")[2].partition("/")[0]
    return int(hosts.split(",")[server].rpartition(":")[2])


async def test_the_operating_system_ends_a_session_whose_server_is_gone(postgres: str) -> None:
    connection = await connect(postgres, timeout=2)
    own = socket_of(connection)
    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert {option: own.getsockopt(socket.IPPROTO_TCP, option) for option in DEAD_PEER_OPTIONS} == DEAD_PEER_OPTIONS
    await connection.close()
