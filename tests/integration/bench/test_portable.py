"""The adapter for the public harness of job queues, and the native server that the harness starts
in place of a container.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bench.portable.accounts import FOLDER, AcknowledgedJobs
from bench.portable.driver import ACKNOWLEDGED, use_server
from bench.portable.server import HarnessServer
from infra.stack.places import CHECKOUT, inherited
from waypost.testing.database import connected
from waypost.testing.folders import scratch_folder

SETTINGS = """
# as in the harness
listen_addresses = '*'
work_mem = 8MB
autovacuum_naptime = 60s
"""


@pytest.fixture
def server() -> Iterator[HarnessServer]:
    with scratch_folder() as folder:
        server = HarnessServer(folder, password="secret", settings=SETTINGS)
        yield server
        server.remove()


@pytest.fixture
def orchestrator(server: HarnessServer, tmp_path: Path) -> Any:
    """The functions that the harness calls, after their replacement."""
    replaced, adapters = SimpleNamespace(), SimpleNamespace()
    use_server(replaced, adapters, server, account=tmp_path / "account.json")
    assert vars(adapters) == {"PG_PORT": server.port, "PG_USER": "postgres", "PG_PASS": "secret"}
    return replaced


@pytest.fixture
def acknowledged(tmp_path: Path) -> Path:
    """The folder of the acknowledged jobs, which the driver makes."""
    folder = tmp_path / ACKNOWLEDGED
    folder.mkdir()
    return folder


async def test_data_survive_a_restart_and_not_a_removal(server: HarnessServer, orchestrator: Any) -> None:
    manifest = SimpleNamespace(db_name="queue_bench", extensions=[])
    orchestrator.start_postgres("any image")
    orchestrator.preflight_database(manifest)
    async with connected(server.dsn("queue_bench")) as database:
        await database.execute("create table kept as select 1 as fact")
    orchestrator._restart_postgres("any image")
    orchestrator.preflight_database(manifest)
    async with connected(server.dsn("queue_bench")) as database:
        assert await database.fetchval("select fact from kept") == 1
    orchestrator.stop_postgres("any image")
    orchestrator.start_postgres("any image")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(server.dsn("queue_bench"))


async def test_a_stopped_server_ends_sessions_and_refuses_new_ones(server: HarnessServer, orchestrator: Any) -> None:
    orchestrator.start_postgres("any image")
    async with connected(server.dsn("postgres")) as session:
        orchestrator._compose_stop_postgres("any image")
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError, OSError)):
            await session.fetchval("select 1")
    with pytest.raises(OSError):
        await asyncpg.connect(server.dsn("postgres"))
    orchestrator._compose_start_postgres("any image")
    async with connected(server.dsn("postgres")) as session:
        assert await session.fetchval("select 1") == 1


async def test_the_server_has_the_settings_of_the_harness(server: HarnessServer, orchestrator: Any) -> None:
    orchestrator.start_postgres("any image")
    async with connected(server.dsn("postgres")) as session:
        assert await session.fetchval("show work_mem") == "8MB"
        assert await session.fetchval("show autovacuum_naptime") == "1min"
        assert await session.fetchval("show listen_addresses") == "127.0.0.1"
        assert await session.fetchval("show fsync") == "on"


async def test_a_database_is_recreated_if_the_harness_asks(server: HarnessServer, orchestrator: Any) -> None:
    manifest = SimpleNamespace(db_name="queue_bench", extensions=[])
    orchestrator.start_postgres("any image")
    orchestrator.preflight_database(manifest)
    async with connected(server.dsn("queue_bench")) as database:
        await database.execute("create table kept as select 1 as fact")
    orchestrator.preflight_database(manifest, recreate=True)
    async with connected(server.dsn("queue_bench")) as database:
        assert await database.fetchval("select to_regclass('kept')") is None


async def test_a_missing_extension_of_an_adapter_is_an_error(server: HarnessServer, orchestrator: Any) -> None:
    orchestrator.start_postgres("any image")
    with pytest.raises(asyncpg.FeatureNotSupportedError):
        orchestrator.preflight_database(SimpleNamespace(db_name="queue_bench", extensions=["pgmq"]))


async def test_jobs_run_through_a_restart_of_the_server(
    server: HarnessServer, orchestrator: Any, acknowledged: Path, tmp_path: Path
) -> None:
    manifest = SimpleNamespace(db_name="waypost_bench", extensions=[])
    orchestrator.start_postgres("any image")
    orchestrator.preflight_database(manifest)
    async with adapter(server.dsn("waypost_bench"), acknowledged) as process:
        assert (await line_of(process))["kind"] == "descriptor"
        await offer(process, 40)
        await until_completed(process)
        orchestrator._restart_postgres("any image")
        await offer(process, 40)
        await until_completed(process)
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert process.returncode == 0
    orchestrator.stop_postgres("any image")
    account = json.loads((tmp_path / "account.json").read_text())["waypost"]
    assert account["complete"] >= account["acknowledged"] >= 80
    assert (account["pending"], account["dead"], account["lost"]) == (0, 0, 0)


async def test_each_job_is_counted_once_by_what_became_of_it(
    server: HarnessServer, orchestrator: Any, acknowledged: Path, tmp_path: Path
) -> None:
    complete, dead, pending, vanished, uncommitted = (UUID(int=number) for number in range(1, 6))
    half: Any = SimpleNamespace(bytes=b"half an id")
    first, second = (AcknowledgedJobs(acknowledged, instance) for instance in (0, 1))
    first.add([complete, dead])
    second.add([pending, vanished, uncommitted])
    AcknowledgedJobs(acknowledged, 1).add([half])
    orchestrator.start_postgres("any image")
    orchestrator.preflight_database(SimpleNamespace(db_name="waypost_bench", extensions=[]))
    async with connected(server.dsn("waypost_bench")) as database:
        await database.execute("create table jobs (id uuid); create table job_results (job_id uuid, status text)")
        await database.execute("insert into jobs values ($1), ($2)", pending, dead)
        await database.executemany(
            "insert into job_results values ($1, $2)",
            [(complete, "complete"), (dead, "dead"), (pending, "queued"), (vanished, "queued")],
        )
    orchestrator.stop_postgres("any image")
    assert json.loads((tmp_path / "account.json").read_text()) == {
        "waypost": {"acknowledged": 5, "complete": 1, "dead": 1, "pending": 1, "lost": 2}
    }


async def test_jobs_of_peers_are_counted_by_their_states(
    server: HarnessServer, orchestrator: Any, tmp_path: Path
) -> None:
    for name, statement in PEERS.items():
        orchestrator.start_postgres("any image")
        orchestrator.preflight_database(SimpleNamespace(db_name=name, extensions=[]))
        async with connected(server.dsn(name)) as database:
            await database.execute(statement)
        orchestrator.stop_postgres("any image")
    assert json.loads((tmp_path / "account.json").read_text()) == {
        "river": {"complete": 1, "dead": 2, "pending": 5},
        "procrastinate": {"complete": 1, "dead": 3, "pending": 3},
    }


PEERS = {
    "river_bench": """
create type river_job_state as enum
    ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
create table river_job as select unnest(enum_range(null::river_job_state)) as state""",
    "procrastinate_bench": """
create type procrastinate_job_status as enum
    ('todo', 'doing', 'succeeded', 'failed', 'cancelled', 'aborting', 'aborted');
create table procrastinate_jobs as select unnest(enum_range(null::procrastinate_job_status)) as status""",
}
"""The states of River 0.35.1 and procrastinate 3.8.1, one job in each."""


@asynccontextmanager
async def adapter(database_url: str, acknowledged: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    harness = {
        "DATABASE_URL": database_url,
        "PRODUCER_PACING": "harness",
        "SAMPLE_EVERY_S": "1",
        "WORKER_COUNT": "8",
        FOLDER: str(acknowledged),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.portable.adapter"),
        env={**inherited(), **harness},
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def line_of(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout
    async with asyncio.timeout(60):
        line: dict[str, Any] = json.loads(await process.stdout.readline())
        return line


async def offer(process: asyncio.subprocess.Process, jobs: int) -> None:
    """Ten jobs per token, until the adapter has enqueued so many: during an outage it refuses
    some.
    """
    assert process.stdin
    enqueued = 0.0
    while enqueued < jobs:
        process.stdin.write(b"ENQUEUE 10\n")
        await process.stdin.drain()
        enqueued += await next_value(process, "enqueue_rate")


async def until_completed(process: asyncio.subprocess.Process) -> None:
    """Until a second passes in which nothing was enqueued and nothing is queued."""
    while await next_value(process, "enqueue_rate") or await next_value(process, "queue_depth"):
        pass
    while await next_value(process, "completion_rate"):
        pass


async def next_value(process: asyncio.subprocess.Process, metric: str) -> float:
    while True:
        line = await line_of(process)
        if line.get("metric") == metric:
            return float(line["value"])
