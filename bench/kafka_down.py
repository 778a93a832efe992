"""Measures whether a broker that is down slows the API: p50 and p99 of `POST /invoices` with Kafka
up and down, in turns.

    python -m bench.kafka_down [--requests 400] [--rounds 4]

Starts a separate database server and broker, and the users and billing services with their
workers. One client sends requests one after another. The broker is killed for each round without
it; the outbox is empty again before the next round. Goal: p99 while it is down at most 1.2 times
that while it is up.

The two figures do not compare equal loads: while the broker is down, relays and consumers leave
the cores to the API, which lowers the latencies "down". They show that no request waits for a
time-out of Kafka. That no request needs Kafka at all is shown by `tests/faults/test_kafka_down.py`:
the APIs open no connection to the broker.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from bench.pools_apart import percentiles, report
from tests.fixtures.backend_processes import SERVICES, BackendProcesses, backend_processes
from waypost.testing.database import Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import Broker, running_kafka
from waypost.testing.postgres import running_postgres

GOAL = 1.2
RECOVERY_SECONDS = 60


async def main(requests: int, rounds: int) -> None:
    with scratch_folder() as folder:
        async with (
            running_postgres(folder) as server,
            running_kafka(folder) as broker,
            connected(server.admin_dsn) as admin,
        ):
            templates = Templates(admin, server.admin_dsn)
            databases = {service: await templates.copy(service) for service in SERVICES}
            async with backend_processes(broker, databases, server.admin_dsn, folder) as backend:
                up, down = await measure(backend, broker, requests, rounds)
    report("up", up)
    report("down", down)
    ratios = [after / before for before, after in zip(percentiles(up), percentiles(down), strict=True)]
    print(f"down / up: p50 {ratios[0]:.2f}×, p99 {ratios[1]:.2f}× (goal: at most {GOAL}×)")
    print("down: relays and consumers leave the cores to the API")


async def measure(
    backend: BackendProcesses, broker: Broker, requests: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of each request. Every second round has the reverse order."""
    up, down = list[float](), list[float]()
    await ask(backend, requests // 4)  # opens the connections and prepares the statements
    for number in range(rounds):
        arms: list[tuple[list[float], AbstractAsyncContextManager[None]]]
        arms = [(up, nullcontext()), (down, killed(broker))]
        for times, state in arms if number % 2 == 0 else reversed(arms):
            async with state:
                times += await ask(backend, requests)
            await eventually(lambda: _is_drained(backend), deadline_seconds=RECOVERY_SECONDS)
    return up, down


@asynccontextmanager
async def killed(broker: Broker) -> AsyncIterator[None]:
    await broker.kill()
    try:
        yield
    finally:
        await broker.start()


async def ask(backend: BackendProcesses, requests: int) -> list[float]:
    times = []
    for _ in range(requests):
        begin = time.perf_counter()
        answer = await backend.billing.post("/invoices", json={"customer_id": str(backend.owner_id), "currency": "EUR"})
        times.append((time.perf_counter() - begin) * 1000)
        answer.raise_for_status()
    return times


async def _is_drained(backend: BackendProcesses) -> bool:
    return await backend.fetch("select 1 from outbox limit 1") == []


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=4)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(**vars(arguments())))
