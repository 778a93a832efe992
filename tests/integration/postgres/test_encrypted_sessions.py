"""PostgreSQL over TLS by one DSN, for each client of the toolkit. TLS ends in
`waypost.native.postgres.tls_front`, because the native server is built without it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from services.users.app import SERVICE
from waypost.native.certificates import Certificate, CertificateAuthority
from waypost.native.ports import LOOPBACK, free_ports
from waypost.native.postgres.tls_front import TlsFront
from waypost.native.probes import accepts_tcp
from waypost.postgres.database import Database
from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.migrate import migrate
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.read_session import read_session
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    port: int
    authority: CertificateAuthority
    certificate: Certificate

    def dsn(self, dsn: str, *, host: str = LOOPBACK, ca: Path | None = None, mode: str = "verify-full") -> str:
        """The DSN through the front."""
        parts = urlsplit(dsn)
        account = parts.netloc.rpartition("@")[0]
        query = f"sslmode={mode}" + ("" if mode == "disable" else f"&sslrootcert={ca or self.authority.certificate}")
        return parts._replace(netloc=f"{account}@{host}:{self.port}", query=query).geturl()


@pytest.fixture
async def users_database(database: Databases) -> ServiceDatabase:
    return await database("users")


@pytest.fixture
async def front(users_database: ServiceDatabase, tmp_path: Path) -> AsyncIterator[Front]:
    authority = CertificateAuthority(tmp_path / "tls")
    certificate, [port] = authority.issue("postgres", hosts=[LOOPBACK]), free_ports(1)
    server_port = urlsplit(users_database.app).port
    assert server_port is not None
    tls = TlsFront(server_port=server_port, certificate=certificate.certificate, key=certificate.key)
    serving = asyncio.create_task(tls.serve(port))
    await eventually(lambda: accepts_tcp(LOOPBACK, port))
    yield Front(port=port, authority=authority, certificate=certificate)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def by_pool(dsn: str) -> None:
    database = Database(dsn, application_name="test", pool_size=1, schemas=SERVICE.schemas)
    try:
        async with database.transaction() as connection:
            assert await connection.scalar(text("select 1")) == 1
    finally:
        await database.close()


async def by_session(dsn: str) -> None:
    connection = await connect_directly(dsn, application_name="test")
    assert isinstance(connection._transport.get_extra_info("ssl_object"), ssl.SSLObject)  # type: ignore[attr-defined]
    await close_directly(connection)


async def by_read_session(dsn: str) -> None:
    async with read_session(dsn, application_name="test") as reads:
        assert await reads.fetch("select 1")


async def by_listener(dsn: str) -> None:
    heard, listening = asyncio.Event(), asyncio.Event()
    listener = PostgresListener(dsn, ["outbox"], lambda _: heard.set(), application_name="test")
    task = asyncio.create_task(listener.listen(listening))
    waiting = asyncio.create_task(listening.wait())
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        heard.clear()
        notifier = PostgresNotifier(dsn, application_name="test", answer_seconds=10)
        await notifier.notify(["outbox"])
        await notifier.close()
        await eventually(heard.is_set)
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.wait([task, waiting])


Client = Callable[[str], Coroutine[Any, Any, None]]
CLIENTS: dict[str, Client] = {
    "pool": by_pool,
    "session": by_session,
    "read session": by_read_session,
    "listener": by_listener,
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_each_client_connects_by_the_same_dsn(
    client: Client, front: Front, users_database: ServiceDatabase
) -> None:
    await client(front.dsn(users_database.app))


async def test_migrations_connect_by_the_same_dsn(front: Front, users_database: ServiceDatabase) -> None:
    assert await migrate("users", front.dsn(users_database.owner))


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_another_authority_is_refused(
    client: Client, front: Front, users_database: ServiceDatabase, tmp_path: Path
) -> None:
    other = CertificateAuthority(tmp_path / "other", "another authority")
    with pytest.raises(Exception, match="certificate verify failed"):
        await client(front.dsn(users_database.app, ca=other.certificate))


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_another_host_name_is_refused(client: Client, front: Front, users_database: ServiceDatabase) -> None:
    with pytest.raises(Exception, match="Hostname mismatch"):
        await client(front.dsn(users_database.app, host="localhost"))


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_a_session_without_encryption_is_refused(
    client: Client, front: Front, users_database: ServiceDatabase
) -> None:
    with pytest.raises(Exception, match="no encryption"):
        await client(front.dsn(users_database.app, mode="disable"))


async def test_a_cancelled_statement_is_cancelled_through_tls(front: Front, users_database: ServiceDatabase) -> None:
    connection = await connect_directly(front.dsn(users_database.app), application_name="test")
    with pytest.raises(TimeoutError):
        await connection.execute("select pg_sleep(60)", timeout=0.1)
    assert await connection.fetchval("select 1") == 1
    await close_directly(connection)


async def test_a_replaced_certificate_is_used_for_the_next_session(
    front: Front, users_database: ServiceDatabase
) -> None:
    dsn = front.dsn(users_database.app)
    before = await connect_directly(dsn, application_name="test")
    front.authority.issue("postgres", hosts=["elsewhere.example"])
    with pytest.raises(Exception, match="IP address mismatch"):
        await by_session(dsn)
    front.authority.issue("postgres", hosts=[LOOPBACK])
    await by_session(dsn)
    assert await before.fetchval("select 1") == 1
    await close_directly(before)
