"""Measures whether a job process with all slots blocked slows the API: a request's p50 and p99,
idle and blocked, alternately.

    python -m bench.pools_apart [--requests 400] [--rounds 3]

Starts a separate database server, an API and a job process of the notifications service. The jobs
wait in a query and hold all connections of their pool. One client sends HTTP requests one after
another: a write and a read, each a transaction. Goal: p99 while blocked at most 1.3 times that
while idle.
"""

import argparse
import asyncio
import statistics
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx

from tests.fixtures.blocked_jobs import api_beside_jobs, every_slot_blocked
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Templates, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.postgres import running_postgres

GOAL = 1.3


async def main(requests: int, rounds: int) -> None:
    with scratch_folder() as folder:
        async with running_postgres(folder) as server, connected(server.admin_dsn) as admin:
            database = await Templates(admin, server.admin_dsn).copy("notifications")
            idle, blocked = await measure(database, folder, requests, rounds)
    report("idle", idle)
    report("blocked", blocked)
    ratios = [after / before for before, after in zip(percentiles(idle), percentiles(blocked), strict=True)]
    print(f"blocked / idle: p50 {ratios[0]:.2f}×, p99 {ratios[1]:.2f}× (goal: at most {GOAL}×)")


async def measure(where: ServiceDatabase, folder: Path, requests: int, rounds: int) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of each request."""
    idle, blocked = list[float](), list[float]()
    async with api_beside_jobs(where, folder) as http:
        await ask(http, requests // 4)  # opens the connections and prepares the statements
        for _ in range(rounds):
            for times, state in ((idle, nullcontext()), (blocked, every_slot_blocked(where.app))):
                async with state:
                    times += await ask(http, requests)
    return idle, blocked


async def ask(http: httpx.AsyncClient, requests: int) -> list[float]:
    times = []
    for number in range(requests):
        begin = time.perf_counter()
        if number % 2:
            answer = await http.get("/notifications")
        else:
            answer = await http.put("/preferences", json={"digest": True})
        times.append((time.perf_counter() - begin) * 1000)
        answer.raise_for_status()
    return times


def percentiles(times: list[float]) -> tuple[float, float]:
    hundredths = statistics.quantiles(times, n=100)
    return hundredths[49], hundredths[98]


def report(state: str, times: list[float]) -> None:
    p50, p99 = percentiles(times)
    print(f"{state:<6} {len(times)} requests: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(**vars(arguments())))
