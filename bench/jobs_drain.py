"""Measures how many no-op jobs one job process completes per second, beside other job queues.

    python -m bench.jobs_drain [--jobs 10000] [--rounds 4]

Starts a separate database server with its default settings. Each arm is a separate process, the
arms alternate, and each ratio is the median over the rounds; a first round warms up. CPU is that of
the process, without the server. Ours keeps the result of each job, and PgQueuer and procrastinate
keep a row per job too. The peers are measured if `bench/peers/requirements.txt` is installed in
`.waypost/peers`.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from bench.frame.programs import program, wait_until_ready
from tests.fixtures.jobs import Service, migrate
from waypost.engine.process import tune_garbage_collector
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.queue import enqueue_for_each
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.database import Database
from waypost.testing.database import Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder
from waypost.testing.postgres import running_postgres

PEERS_PYTHON = Path(__file__).parents[1] / ".waypost" / "peers" / "bin" / "python"
TENANTS = 20
PREPARED_AT_ONCE = 20_000
"""Jobs of one transaction, which has a time limit."""
WATCH_SECONDS = 0.01
DURABILITY = "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')"
SESSIONS = "select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
COUNTERS = """
select (pg_current_wal_insert_lsn() - '0/0')::bigint as wal, (select sum(xact_commit)::bigint from pg_stat_database) as commits"""


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    slots: int
    program: Sequence[str]
    """The process; the numbers of jobs and slots follow."""
    share: float = 1.0
    """Share of the jobs, for a slow queue."""


@dataclass(frozen=True, slots=True)
class Run:
    """One drain, per job."""

    seconds: float
    cpu_seconds: float
    wal_bytes: float
    commits: float


async def drain(dsn: str, jobs: int, slots: int) -> None:
    """Our arm. Enqueues, waits for a line on its input, drains, and prints what that took. With no
    jobs of its own it drains those of another process.
    """
    ran = 0

    async def nothing(job: JobContext) -> None:
        nonlocal ran
        ran += 1

    async def is_drained() -> bool:
        """Another process may run the last job, and the server does not notify of its outcome. Asks
        only while this process is idle, because the server shares the cores.
        """
        before = ran
        await asyncio.sleep(WATCH_SECONDS)
        return ran == before and not await service.fetch("select from jobs limit 1")

    tune_garbage_collector()
    service = Service(dsn, [Job(nothing)])
    await prepare(dsn, jobs, at=service.clock.now())
    print("ready", flush=True)
    sys.stdin.readline()
    begin, cpu = time.perf_counter(), time.process_time()
    async with service.working(settings=JobWorkerSettings(max_jobs=slots)):
        while not await is_drained():
            pass
        used = time.perf_counter() - begin, time.process_time() - cpu
    await service.close()
    print(json.dumps(used))


async def prepare(dsn: str, jobs: int, *, at: datetime) -> None:
    tenants = [TenantId(new_id()) for _ in range(TENANTS)]
    database = Database(dsn, application_name="bench", pool_size=1)
    of_each, at_once = jobs // TENANTS, PREPARED_AT_ONCE // TENANTS
    for first in range(0, of_each, at_once):
        async with database.transaction() as connection:
            for number in range(first, min(first + at_once, of_each)):
                key = str(number)
                await enqueue_for_each(connection, tenants, "nothing", {}, idempotency_key=key, at=at)
    await database.close()


def arms(ours: str, admin: str) -> Sequence[Arm]:
    this = (sys.executable, "-m", "bench.jobs_drain", "--drain", ours)
    known = [Arm("ours", slots, this) for slots in (10, 200)]
    if PEERS_PYTHON.exists():
        pgqueuer = (str(PEERS_PYTHON), "-m", "bench.peers.pgqueuer_drain", admin)
        procrastinate = (str(PEERS_PYTHON), "-m", "bench.peers.procrastinate_drain", admin)
        known += [Arm("PgQueuer", slots, pgqueuer) for slots in (10, 200)]
        known += [Arm("procrastinate", 10, procrastinate, share=0.1)]
    return known


async def measure(arm: Arm, jobs: int, admin: asyncpg.Connection, processes: int = 1) -> Run:
    """The first process enqueues, and all of them drain."""
    shares = [jobs] + [0] * (processes - 1)
    commands = [(*arm.program, str(share), str(arm.slots)) for share in shares]
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(program(*command)) for command in commands]
        for process in running:
            await wait_until_ready(process)
        before = await counters(admin)
        printed = await asyncio.gather(*(process.communicate(b"\n") for process in running))
    after = await counters(admin)
    used = [json.loads(output) for output, _ in printed]
    wal_bytes, commits = (after[each] - before[each] for each in ("wal", "commits"))
    seconds, cpu_seconds = max(wall for wall, _ in used), sum(cpu for _, cpu in used)
    return Run(seconds / jobs, cpu_seconds / jobs, wal_bytes / jobs, commits / jobs)


async def counters(admin: asyncpg.Connection) -> Mapping[str, int]:
    """A session reports its commits when it ends."""

    async def alone() -> bool:
        return not await admin.fetch(SESSIONS)

    await eventually(alone, deadline_seconds=60)
    await admin.execute("select pg_stat_clear_snapshot()")
    (row,) = await admin.fetch(COUNTERS)
    return dict(row)


def report(runs: Mapping[Arm, Sequence[Run]]) -> None:
    bases = {arm.slots: each for arm, each in runs.items() if arm.name == "PgQueuer"}
    print(
        f"{'':<15}{'slots':>6}{'jobs/s':>9}{'CPU ms':>8}{'WAL B':>8}{'commits':>9}{'of PgQueuer':>13}{'of its CPU':>12}"
    )
    for arm, each in runs.items():
        median = [statistics.median(values) for values in zip(*map(_numbers, each), strict=True)]
        line = f"{arm.name:<15}{arm.slots:>6}{1 / median[0]:>9,.0f}{1000 * median[1]:>8.3f}{median[2]:>8,.0f}{median[3]:>9.3f}"
        if base := bases.get(arm.slots):
            pairs = list(zip(each, base, strict=True))
            speed = statistics.median(theirs.seconds / ours.seconds for ours, theirs in pairs)
            cpu = statistics.median(ours.cpu_seconds / theirs.cpu_seconds for ours, theirs in pairs)
            line += f"{speed:>12.2f}×{cpu:>11.2f}×"
        print(line)


def _numbers(run: Run) -> tuple[float, float, float, float]:
    return run.seconds, run.cpu_seconds, run.wal_bytes, run.commits


async def main(jobs: int, rounds: int) -> None:
    with scratch_folder() as folder:
        async with running_postgres(folder) as server, connected(server.admin_dsn) as admin:
            database = await Templates(admin, server.admin_dsn).copy("billing", migrate)
            print(", ".join(f"{row['name']} {row['setting']}" for row in await admin.fetch(DURABILITY)))
            runs: dict[Arm, list[Run]] = {arm: [] for arm in arms(database.app, server.admin_dsn)}
            for number in range(rounds + 1):
                for arm in list(runs)[:: 1 if number % 2 else -1]:
                    run = await measure(arm, round(jobs * arm.share), admin)
                    if number:
                        runs[arm].append(run)
            report(runs)


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--drain", nargs=3, metavar=("DSN", "JOBS", "SLOTS"), help="be our job process")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.drain:
        dsn, jobs, slots = asked.drain
        uvloop.run(drain(dsn, int(jobs), int(slots)))
    else:
        asyncio.run(main(asked.jobs, asked.rounds))
