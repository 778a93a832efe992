"""The harness's database server as a native process, in place of `docker compose`."""

import asyncio
import re
import shutil
import sys
import threading
from collections.abc import Awaitable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from waypost.native.ports import free_ports
from waypost.native.postgres.server import SUPERUSER, Postgres

T = TypeVar("T")

MAX_CONNECTIONS = 400
"""As in the harness's `postgres.conf`, whose settings replace ours."""
ADDRESS = re.compile(r"^\s*(listen_addresses|port)\b.*$", re.MULTILINE)
OBSERVED = "pgstattuple"
"""The extension of the harness's bloat figures. Without it these figures are missing."""

_ACCOUNT = """
select count(*) filter (where status = 'complete') as complete, count(*) filter (where status = 'dead') as dead,
       count(*) filter (where status = 'queued') as pending,
       count(*) filter (where status = 'queued' and not exists (select from jobs where id = job_id)) as lost
from job_results"""
"""A job and its result row are committed together, and the result row stays. A result that is not
final and has no job is a lost job.
"""


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

    def account(self, database: str) -> dict[str, int] | None:
        """The number of Waypost's jobs by their outcome; `lost` are the jobs without an outcome and
        without a row. None without a server, a database or its tables.
        """
        return self._run(self._account(database))

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

    async def _account(self, database: str) -> dict[str, int] | None:
        async with asyncio.timeout(60):
            try:
                connection = await asyncpg.connect(self.dsn(database))
            except (OSError, asyncpg.InvalidCatalogNameError):
                return None
            try:
                (row,) = await connection.fetch(_ACCOUNT)
                return dict(row)
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
