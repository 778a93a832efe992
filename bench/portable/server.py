"""The harness's database server as a native process, in place of `docker compose`."""

import asyncio
import re
import shutil
import sys
import threading
from collections.abc import Awaitable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from bench.portable.accounts import COUNTED, Counted, account_of
from waypost.native.ports import free_ports
from waypost.native.postgres.server import SUPERUSER, Postgres

T = TypeVar("T")

MAX_CONNECTIONS = 400
"""As in the harness's `postgres.conf`, whose settings replace ours."""
ADDRESS = re.compile(r"^\s*(listen_addresses|port)\b.*$", re.MULTILINE)
OBSERVED = "pgstattuple"
"""The extension of the harness's bloat figures. Without it these figures are missing."""


class HarnessServer:
    """PostgreSQL for the harness, which calls it from several threads. All methods block.

    The server's processes belong to one thread, which lives as long as the program: they are killed
    when the thread that started them ends.
    """

    def __init__(self, folder: Path, *, password: str, settings: str = "") -> None:
        """`settings` is the text of the harness's `postgres.conf`. Address and port are ours."""
        (self.port,) = free_ports(1)
        self.user, self.password = SUPERUSER, password
        self._server = Postgres(
            folder,
            port=self.port,
            password=password,
            max_connections=MAX_CONNECTIONS,
            settings="\n" + ADDRESS.sub("", settings),
        )
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="PostgreSQL", daemon=True).start()

    def dsn(self, database: str) -> str:
        return self._server.admin_dsn.removesuffix("/postgres") + f"/{database}"

    def start(self) -> None:
        """Returns when the server accepts connections. Data of an earlier start are kept."""
        self._run(self._server.start())

    def stop(self) -> None:
        """A fast shutdown: sessions end, data stay."""
        self._run(self._server.stop(60))

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stops the server and deletes its data."""
        self.stop()
        shutil.rmtree(self._server.data, ignore_errors=True)

    def prepare_database(self, name: str, extensions: Sequence[str], *, recreate: bool = False) -> None:
        """Creates the database, and the extensions in it. A server without the harness's own
        extension for bloat is accepted. Raises asyncpg.PostgresError for other missing ones.
        """
        self._run(self._prepare_database(name, extensions, recreate=recreate))

    def accounts(self, acknowledged: list[UUID]) -> dict[str, dict[str, int]]:
        """The jobs of each system that has tables on the server, by what became of them. Empty
        without a server.
        """
        return self._run(self._accounts(acknowledged))

    async def _prepare_database(self, name: str, extensions: Sequence[str], *, recreate: bool) -> None:
        async with asyncio.timeout(60):
            admin = await asyncpg.connect(self.dsn("postgres"))
            try:
                if recreate:
                    await admin.execute(f'drop database if exists "{name}" with (force)')
                if not await admin.fetchval("select exists (select from pg_database where datname = $1)", name):
                    await admin.execute(f'create database "{name}"')
            finally:
                await admin.close()
            database = await asyncpg.connect(self.dsn(name))
            try:
                await _create_extensions(database, extensions)
            finally:
                await database.close()

    async def _accounts(self, acknowledged: list[UUID]) -> dict[str, dict[str, int]]:
        async with asyncio.timeout(60):
            found = {system: await self._account(counted, acknowledged) for system, counted in COUNTED.items()}
        return {system: account for system, account in found.items() if account is not None}

    async def _account(self, counted: Counted, acknowledged: list[UUID]) -> dict[str, int] | None:
        """None without a server, a database or its tables."""
        try:
            connection = await asyncpg.connect(self.dsn(counted.database))
        except (OSError, asyncpg.InvalidCatalogNameError):
            return None
        try:
            return await account_of(connection, counted, acknowledged)
        except asyncpg.UndefinedTableError:
            return None
        finally:
            await connection.close()

    def _run(self, work: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()


async def _create_extensions(database: asyncpg.Connection, extensions: Sequence[str]) -> None:
    for extension in extensions:
        await database.execute(f'create extension if not exists "{extension}"')
    if await database.fetchval("select exists (select from pg_available_extensions where name = $1)", OBSERVED):
        await database.execute(f"create extension if not exists {OBSERVED}")
    else:
        print(f"the server has no extension {OBSERVED}: its bloat figures are missing", file=sys.stderr)
