"""PgQueuer drains its queue, for `bench.jobs_drain`.

    python -m bench.peers.pgqueuer_drain DSN JOBS SLOTS

Its tables are durable, as by default. The largest batch that it permits is half of its slots.
Enqueues, waits for a line on its input, drains, and prints seconds and CPU seconds as JSON.
"""

import json
import sys
import time
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

AT_ONCE = 500


async def enqueue(dsn: str, jobs: int) -> None:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        if not await queries.has_table("pgqueuer"):
            await queries.install()
        await pool.execute("truncate pgqueuer, pgqueuer_log")
        for start in range(0, jobs, AT_ONCE):
            some = min(AT_ONCE, jobs - start)
            await queries.enqueue(["nothing"] * some, [None] * some, [0] * some)


async def main(dsn: str, jobs: int, slots: int) -> None:
    await enqueue(dsn, jobs)
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), time.process_time()
    async with asyncpg.create_pool(dsn, min_size=5, max_size=5) as pool:
        worker = PgQueuer(AsyncpgPoolDriver(pool))

        @worker.entrypoint("nothing")
        async def nothing(job: Any) -> None: ...

        await worker.qm.run(batch_size=slots // 2, max_concurrent_tasks=slots, mode=QueueExecutionMode.drain)
        used = time.perf_counter() - began, time.process_time() - cpu
        assert await pool.fetchval("select count(*) from pgqueuer") == 0
    print(json.dumps(used))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
