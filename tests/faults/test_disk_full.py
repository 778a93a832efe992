"""The disk takes no more bytes, of PostgreSQL's log or of Kafka's (row 39 of the fault matrix): the
server ends, and once there is space again nothing that was committed is lost.

The limit of a process for the size of its files takes the place of a small disk: each write fails
in the server, as on a full disk.
"""

import asyncio
import pwd
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.faults.relay_rig import Rig, rigged
from tests.fixtures.outbox import migrate_toolkit
from waypost.native.child import Child
from waypost.native.kafka import Kafka
from waypost.native.ports import free_ports
from waypost.native.postgres import Postgres
from waypost.native.postgres.account import server_account
from waypost.testing.database import Databases, Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder
from waypost.testing.topics import create_topic, unique

KEYS = [f"00000000-0000-7000-8000-{number:012}" for number in range(6)]
FULL = "--fsize=1:"
"""One byte is the soft limit of each file."""
ENDS_SECONDS = 60

pytestmark = pytest.mark.timeout(150)


async def fill_disk(child: Child, account: str | None = None) -> None:
    """No file of this process and its children grows, until it is started again. Only the account
    of a process may limit it. Children that it starts from now on inherit its limit.
    """
    server = psutil.Process(child.pid)
    group = pwd.getpwnam(account).pw_gid if account else None
    await limit_files(server, account, group)
    for process in server.children(recursive=True):
        await limit_files(process, account, group)


async def limit_files(process: psutil.Process, account: str | None, group: int | None) -> None:
    """A process that has just ended, such as an autovacuum worker, writes no file."""
    command = ("prlimit", FULL, "--pid", str(process.pid))
    limit = await asyncio.create_subprocess_exec(*command, user=account, group=group)
    assert await limit.wait() == 0 or not process.is_running()


async def test_the_database_continues_once_there_is_space(kafka: str, tmp_path: Path) -> None:
    async with own_server() as server, relaying(server, kafka, tmp_path) as rig:
        await rig.write_versions(KEYS, range(1, 5))
        await rig.until_drained()
        await fill_disk(server.child, server_account())
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await rig.write_versions(KEYS, range(5, 100))
        await eventually(lambda: not server.child.running, deadline_seconds=ENDS_SECONDS)
        await server.start()
        async with connected(rig.database.owner) as rig.owner:
            await rig.write_versions(KEYS[1:], range(100, 105))
            await rig.until_drained()
        await rig.assert_nothing_lost_and_in_order()


async def test_the_broker_continues_once_there_is_space(database: Databases, tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    with scratch_folder(in_memory=True) as folder:
        broker = Kafka(folder / "kafka", port=port, controller_port=controller_port)
        await broker.start()
        try:
            topic = await create_topic(broker.bootstrap, unique("users.user"))
            users = await database("users", migrate_toolkit)
            async with rigged(users, broker.bootstrap, topic, tmp_path) as rig:
                await rig.start_relay()
                await rig.write_versions(KEYS, range(1, 5))
                await rig.until_drained()
                await fill_disk(broker.child)
                await rig.write_versions(KEYS, range(5, 20))
                await eventually(lambda: not broker.child.running, deadline_seconds=ENDS_SECONDS)
                await rig.write_versions(KEYS, range(20, 30))
                await broker.start()
                await rig.until_drained()
                await rig.assert_nothing_lost_and_in_order()
        finally:
            await broker.kill()


@asynccontextmanager
async def own_server() -> AsyncIterator[Postgres]:
    (port,) = free_ports(1)
    with scratch_folder(in_memory=True) as folder:
        server = Postgres(folder / "postgres", port=port, password="of a test", durable=False)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


@asynccontextmanager
async def relaying(server: Postgres, bootstrap: str, folder: Path) -> AsyncIterator[Rig]:
    async with connected(server.admin_dsn) as admin:
        users = await Templates(admin, server.admin_dsn).copy("users", migrate_toolkit)
    topic = await create_topic(bootstrap, unique("users.user"))
    async with rigged(users, bootstrap, topic, folder) as rig:
        await rig.start_relay()
        yield rig
