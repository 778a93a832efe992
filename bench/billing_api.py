"""The billing API as an arm, and bare FastAPI with asyncpg beside it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx

from bench.frame.durability import durability_of
from bench.frame.environment import environment as inherited_environment
from bench.frame.peers import PYTHON
from bench.frame.row import OURS, Arm, Sample
from bench.frame.servers import Servers
from bench.http_load import burst
from bench.peers import bare_api
from infra.stack.places import CHECKOUT, inherited
from services.billing.app import SERVICE
from tests.fixtures.processes import running
from tests.integration.billing.service import BillingService, Company
from waypost.hosting.service import Service
from waypost.native.child import Child
from waypost.native.ports import LOOPBACK, free_ports
from waypost.native.probes import accepts_tcp
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.hosted import HostedService
from waypost.testing.tokens import published_keys

CONNECTIONS = 16
NOWHERE = f"{LOOPBACK}:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A running API, and the requests that create an invoice there."""

    port: int
    pid: int
    headers: Mapping[str, str]
    customer_id: str
    idempotent: bool = True

    async def burst(self, requests: int) -> Sample:
        return await burst(self.port, self.pid, requests, CONNECTIONS, self._request)

    def _request(self, _: int) -> bytes:
        key = {"Idempotency-Key": str(uuid4())} if self.idempotent else {}
        body = json.dumps({"customer_id": self.customer_id, "currency": "EUR"})
        lines = {"Host": LOOPBACK, "Content-Type": "application/json", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **self.headers, **key}.items())
        return f"POST /invoices HTTP/1.1\r\n{head}\r\n{body}".encode()

    async def arm(self, name: str, dsn: str, requests: int) -> Arm:
        durability = await durability_of(dsn)
        return Arm(name=name, run=lambda: self.burst(requests), durability=durability, pid=self.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A billing service, and the module that runs it."""

    service: Service
    module: str


BILLING = Program(service=SERVICE, module="billing")


@asynccontextmanager
async def billing(
    servers: Servers,
    database: ServiceDatabase,
    program: Program = BILLING,
    environment: Mapping[str, str] | None = None,
    *,
    name: str = OURS,
) -> AsyncIterator[Api]:
    """One API process as in production: token, tenant, event, read row, outbox row; no workers."""
    async with AsyncExitStack() as stack:
        jwks_url = await stack.enter_async_context(published_keys())
        company = await _company(program.service, database)
        variables = {
            **inherited_environment(),
            "WAYPOST_APP_DSN": database.app,
            "WAYPOST_OPS_DSN": database.ops,
            "WAYPOST_KAFKA_BOOTSTRAP": NOWHERE,
            "WAYPOST_IDEMPOTENCY_SECRET": "a secret that stays the same",
            "WAYPOST_OUTBOX_CAP_ROWS": "10000000",
            "WAYPOST_PAYMENTS_URL": f"http://{NOWHERE}",
            "WAYPOST_PAYMENTS_WEBHOOK_SECRET": "a secret of the provider",
            "WAYPOST_JWKS_URL": jwks_url,
            "OTEL_TRACES_EXPORTER": "none",
            **(environment or {}),
        }
        (port,) = free_ports(1)
        logs = servers.folder / name
        (process,) = await stack.enter_async_context(
            running(program.module, {"api": port}, variables, logs, forked=False)
        )
        customer = str(company.customer_id)
        yield Api(port=port, pid=process.pid, headers=company.headers(), customer_id=customer)


class _Billing(BillingService):
    """Billing with another codec."""

    def __init__(self, service: Service, where: ServiceDatabase, payments: httpx.AsyncClient) -> None:
        HostedService.__init__(self, service, where)
        self.payments = payments


async def _company(service: Service, database: ServiceDatabase) -> Company:
    async with httpx.AsyncClient() as no_provider:
        billing = _Billing(service, database, no_provider)
        try:
            return await billing.company()
        finally:
            await billing.close()


@asynccontextmanager
async def bare(servers: Servers, dsn: str) -> AsyncIterator[Api]:
    async with connected(dsn) as owner:
        await owner.execute(bare_api.TABLES)
    (port,) = free_ports(1)
    process = Child(
        [str(PYTHON), "-m", "bench.peers.bare_api", dsn, str(port)],
        log=servers.folder / "bare.log",
        environment=inherited(),
        directory=CHECKOUT,
    )
    await process.start()
    try:
        await eventually(lambda: accepts_tcp(LOOPBACK, port), deadline_seconds=30)
        yield Api(port=port, pid=process.pid, headers={}, customer_id=str(uuid4()), idempotent=False)
    finally:
        await process.kill()
