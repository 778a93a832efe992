"""procrastinate drains its queue, for `bench.jobs_drain`.

    python -m bench.peers.procrastinate_drain DSN JOBS SLOTS

Enqueues, waits for a line on its input, drains, and prints seconds and CPU seconds as JSON.
"""

import asyncio
import json
import sys
import time

import procrastinate


async def main(dsn: str, jobs: int, slots: int) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=5, max_size=5))

    @app.task(name="nothing")
    async def nothing() -> None: ...

    async with app.open_async():
        found = await app.connector.execute_query_one_async("select to_regclass('procrastinate_jobs') as jobs")
        if found["jobs"] is None:
            await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*[{} for _ in range(jobs)])
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), time.process_time()
    async with app.open_async():
        await app.run_worker_async(concurrency=slots, wait=False, install_signal_handlers=False)
    print(json.dumps((time.perf_counter() - began, time.process_time() - cpu)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
