"""Measures the cost of an enqueue in the business transaction: transactions per second without one
and with each queue.

    python -m bench.jobs_enqueue [--writers 8] [--seconds 3] [--rounds 5]

Starts a separate database server. Compare the ratios: the variants alternate, and each ratio is the
median over the rounds. The second table is for storage whose flush takes 2 ms (`commit_delay`), as
a network disk's does: there a lock that is held over the commit shows.

PgQueuer and procrastinate are measured if they can be imported; they are not dependencies, and
`docs/decisions/0002-jobs-in-our-own-table.md` has the command. Both enqueue by their own
statement on the transaction's connection.
"""

import argparse
import asyncio
import importlib
import importlib.util
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import asyncpg

from tests.fixtures.jobs import Service, migrate
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.sql import driver
from waypost.postgres.unit_of_work import PostgresUnitOfWork
from waypost.testing.database import Templates, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.postgres import running_postgres

WARM_UP_SECONDS = 0.5

Enqueue = Callable[[PostgresUnitOfWork, asyncpg.Connection], Awaitable[object]]


async def charge(job: JobContext, invoice_id: str) -> None: ...


async def nothing(_: PostgresUnitOfWork, __: asyncpg.Connection) -> None: ...


async def ours(unit: PostgresUnitOfWork, _: asyncpg.Connection) -> object:
    return await unit.jobs.enqueue("charge", invoice_id="inv")


async def ours_with_a_key(unit: PostgresUnitOfWork, _: asyncpg.Connection) -> object:
    return await unit.jobs.enqueue("charge", invoice_id="inv", idempotency_key=str(new_id()))


class PgQueuer:
    tables = "pgqueuer, pgqueuer_log"

    def __init__(self) -> None:
        self._queries = importlib.import_module("pgqueuer.queries")
        self._db = importlib.import_module("pgqueuer.db")

    async def install(self, owner: asyncpg.Connection) -> None:
        await self._queries.Queries(self._db.AsyncpgDriver(owner)).install()

    async def enqueue(self, _: PostgresUnitOfWork, raw: asyncpg.Connection) -> object:
        return await self._queries.Queries(self._db.AsyncpgDriver(raw)).enqueue("charge", b'{"invoice_id": "inv"}')


class Procrastinate:
    tables = "procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers"

    def __init__(self) -> None:
        self._schema = Path(importlib.import_module("procrastinate").__file__ or "").parent / "sql" / "schema.sql"

    async def install(self, owner: asyncpg.Connection) -> None:
        await owner.execute(self._schema.read_text())

    async def enqueue(self, _: PostgresUnitOfWork, raw: asyncpg.Connection) -> object:
        job = ("default", "charge", 0, None, None, '{"invoice_id": "inv"}', None)
        return await raw.fetchval("select procrastinate_defer_jobs_v1(array[$1::procrastinate_job_to_defer_v1])", job)


Peer = PgQueuer | Procrastinate


def peers() -> dict[str, Peer]:
    """Other queues that are installed."""
    known: dict[str, type[Peer]] = {"pgqueuer": PgQueuer, "procrastinate": Procrastinate}
    return {name: peer() for name, peer in known.items() if importlib.util.find_spec(name) is not None}


async def main(writers: int, seconds: float, rounds: int) -> None:
    variants: dict[str, Enqueue] = {"no enqueue": nothing, "ours": ours, "ours, with a key": ours_with_a_key}
    others = peers()
    variants |= {name: peer.enqueue for name, peer in others.items()}
    with scratch_folder() as folder:
        async with running_postgres(folder) as server, connected(server.admin_dsn) as admin:
            database = await Templates(admin, server.admin_dsn).copy("billing", migrate)
            tables = await prepare(database, others.values())
            for flush_ms in (0, 2):
                await slow_down_commits(admin, flush_ms)
                print(f"flush + {flush_ms} ms, {writers} writers")
                report(await measure(database, variants, tables, writers, seconds, rounds))


def report(rates: dict[str, list[float]]) -> None:
    for name, each in rates.items():
        ratio = statistics.median(rate / base for rate, base in zip(each, rates["no enqueue"], strict=True))
        print(f"  {name:<20}{statistics.median(each):>8,.0f} transactions/s{ratio:>8.2f}×")


async def slow_down_commits(admin: asyncpg.Connection, flush_ms: int) -> None:
    await admin.execute(f"alter system set commit_delay = {1000 * flush_ms}")
    await admin.execute("alter system set commit_siblings = 0")
    await admin.execute("select pg_reload_conf()")


async def prepare(database: ServiceDatabase, others: Iterable[Peer]) -> str:
    """Creates the tables; returns those to truncate before each run."""
    async with connected(database.owner) as owner:
        await owner.execute("create table business (id bigint generated always as identity primary key, body text)")
        for peer in others:
            await peer.install(owner)
        for things in ("tables", "sequences"):
            await owner.execute(f"grant all on all {things} in schema public to billing_app")
    return ", ".join(["business", "jobs", "job_results", *(peer.tables for peer in others)])


async def measure(
    database: ServiceDatabase, variants: dict[str, Enqueue], tables: str, writers: int, seconds: float, rounds: int
) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in variants}
    async with connected(database.owner) as owner:
        service = Service(database.app, [Job(charge)], pool_size=writers)
        for enqueue in variants.values():
            await rate(service, enqueue, writers, WARM_UP_SECONDS)
        for _ in range(rounds):
            for name, enqueue in variants.items():
                await owner.execute(f"truncate {tables}")
                rates[name].append(await rate(service, enqueue, writers, seconds))
        await service.database.close()
    return rates


async def rate(service: Service, enqueue: Enqueue, writers: int, seconds: float) -> float:
    end = time.perf_counter() + seconds
    counts = await asyncio.gather(*(write(service, enqueue, end) for _ in range(writers)))
    return sum(counts) / seconds


async def write(service: Service, enqueue: Enqueue, end: float) -> int:
    count = 0
    with bound_tenants([TenantId(new_id())]):
        while time.perf_counter() < end:
            async with service.units.begin() as unit:
                raw = driver(unit.rows)
                await raw.execute("insert into business (body) values ($1)", "x" * 200)
                await enqueue(unit, raw)
            count += 1
    return count


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(**vars(arguments())))
