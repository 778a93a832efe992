"""Measures `POST /invoices` of the billing API beside a bare FastAPI with asyncpg: requests per
second, CPU per request and the 99th percentile, in turns.

    python -m bench.writes [--requests 1000] [--rounds 6] [--profile FILE]

One API process as in production (token, tenant, Idempotency-Key, event, read row, outbox row), the
workers stopped, tracing off; 16 connections. `--profile` writes where the API spends its time, by
py-spy, which must be installed.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from bench.http_load import Burst, burst
from bench.peers import bare_api
from infra.stack.places import CHECKOUT, inherited
from tests.fixtures.processes import running
from tests.integration.billing.service import BillingService, Company
from waypost.native.child import Child
from waypost.native.ports import LOOPBACK, free_ports
from waypost.native.probes import accepts_tcp
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder
from waypost.testing.postgres import running_postgres
from waypost.testing.tokens import published_keys

CONNECTIONS = 16
GOAL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    name: str
    port: int
    pid: int
    request: Callable[[int], bytes]

    async def burst(self, requests: int) -> Burst:
        return await burst(self.port, self.pid, requests, CONNECTIONS, self.request)


async def main(requests: int, rounds: int, profile: Path | None) -> None:
    with scratch_folder() as folder:
        async with running_postgres(folder) as server, connected(server.admin_dsn) as admin:
            where = await Templates(admin, server.admin_dsn).copy("billing")
            async with bare(where, folder) as peer, billing(where, folder) as ours:
                for arm in (peer, ours):
                    await arm.burst(requests // 4)
                pairs = await alternate(ours, peer, requests, rounds)
                if profile is not None:
                    await record(ours, requests * 4, profile)
    report(pairs)


async def alternate(ours: Arm, peer: Arm, requests: int, rounds: int) -> list[tuple[Burst, Burst]]:
    """ABBA: each pair is (ours, peer), and the first of each pair changes."""
    pairs = []
    for number in range(rounds):
        first, second = (ours, peer) if number % 2 else (peer, ours)
        bursts = {first.name: await first.burst(requests), second.name: await second.burst(requests)}
        pairs.append((bursts[ours.name], bursts[peer.name]))
    return pairs


def report(pairs: list[tuple[Burst, Burst]]) -> None:
    for name, bursts in zip(("ours", "peer"), zip(*pairs, strict=True), strict=True):
        rate, cpu, p99 = (
            statistics.median(getattr(each, field) for each in bursts) for field in ("per_second", "cpu_ms", "p99_ms")
        )
        print(f"{name:<5} {rate:8,.0f} requests/s   {cpu:6.2f} ms CPU per request   p99 {p99:6.1f} ms")
    ratios = sorted(ours.per_second / peer.per_second for ours, peer in pairs)
    tails = statistics.median(ours.p99_ms / peer.p99_ms for ours, peer in pairs)
    print(
        f"ours / peer: {statistics.median(ratios):.2f} of the rate ({ratios[0]:.2f} to {ratios[-1]:.2f}, goal: {GOAL}),"
        f" p99 {tails:.1f}× (goal: 2×)"
    )


async def record(arm: Arm, requests: int, profile: Path) -> None:
    command = ("py-spy", "record", "--pid", str(arm.pid), "--output", str(profile), "--rate", "500", "--format", "raw")
    recorder = await asyncio.create_subprocess_exec(*command, "--duration", "20")
    await arm.burst(requests)
    await recorder.wait()


@asynccontextmanager
async def bare(where: ServiceDatabase, folder: Path) -> AsyncIterator[Arm]:
    async with connected(where.owner) as owner:
        await owner.execute(bare_api.TABLES)
    (port,) = free_ports(1)
    process = Child(
        [sys.executable, "-m", "bench.peers.bare_api", where.owner, str(port)],
        log=folder / "bare.log",
        environment=inherited(),
        directory=CHECKOUT,
    )
    await process.start()
    try:
        await eventually(lambda: accepts_tcp(LOOPBACK, port), deadline_seconds=30)
        yield Arm(name="peer", port=port, pid=process.pid, request=lambda _: posted({}, str(uuid4())))
    finally:
        await process.kill()


@asynccontextmanager
async def billing(where: ServiceDatabase, folder: Path) -> AsyncIterator[Arm]:
    async with AsyncExitStack() as stack:
        jwks_url = await stack.enter_async_context(published_keys())
        company = await customer_of(where)
        environment = {
            **inherited(),
            "WAYPOST_APP_DSN": where.app,
            "WAYPOST_OPS_DSN": where.ops,
            "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",
            "WAYPOST_IDEMPOTENCY_SECRET": "a secret that stays the same",
            "WAYPOST_OUTBOX_CAP_ROWS": "10000000",
            "WAYPOST_PAYMENTS_URL": f"http://{LOOPBACK}:1",
            "WAYPOST_PAYMENTS_WEBHOOK_SECRET": "a secret of the provider",
            "WAYPOST_JWKS_URL": jwks_url,
            "OTEL_TRACES_EXPORTER": "none",
        }
        (port,) = free_ports(1)
        (process,) = await stack.enter_async_context(
            running("billing", {"api": port}, environment, folder, forked=False)
        )
        headers = company.headers()
        yield Arm(
            name="ours",
            port=port,
            pid=process.pid,
            request=lambda _: posted({**headers, "Idempotency-Key": str(uuid4())}, str(company.customer_id)),
        )


async def customer_of(where: ServiceDatabase) -> Company:
    async with httpx.AsyncClient() as no_provider:
        service = BillingService(where, no_provider)
        try:
            return await service.company()
        finally:
            await service.close()


def posted(headers: Mapping[str, str], customer_id: str) -> bytes:
    body = json.dumps({"customer_id": customer_id, "currency": "EUR"})
    lines = {"Host": LOOPBACK, "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /invoices HTTP/1.1\r\n{head}\r\n{body}".encode()


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    asyncio.run(main(asked.requests, asked.rounds, asked.profile))
