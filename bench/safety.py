"""B12: `POST /invoices` with each safety feature off in turn, and with all of them off.

The features are switched off here only: by the request, the environment, the policies of one
database, or another codec. No setting of the product weakens a promise.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from bench.billing_api import BILLING, Program, billing
from bench.frame.row import CPU, OURS, RATE, Arm, Goal, Row, Scale
from bench.frame.servers import Servers
from bench.json_billing import SERVICE as SERVICE_WITH_JSON
from waypost.native.ports import LOOPBACK
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected

JSON_BILLING = Program(service=SERVICE_WITH_JSON, module="bench.json_billing")
ALL_OFF = "all off"
POLICIES = "select format('%I.%I', schemaname, tablename) as name from pg_policies where policyname = 'tenants'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    traces: bool = True
    """As shipped: the first 10 traces of each second are recorded and exported."""
    row_security: bool = True
    avro: bool = True
    idempotency: bool = True


VARIANTS: Mapping[str, Features] = {
    OURS: Features(),
    ALL_OFF: Features(traces=False, row_security=False, avro=False, idempotency=False),
    "without traces": Features(traces=False),
    "without row-level security": Features(row_security=False),
    "without Avro": Features(avro=False),
    "without Idempotency-Key": Features(idempotency=False),
}


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with AsyncExitStack() as stack:
        databases = await stack.enter_async_context(servers.databases())
        viewer = await stack.enter_async_context(span_sink())
        yield [
            await stack.enter_async_context(
                arm(servers, await databases("billing"), name, features, viewer, scale.units)
            )
            for name, features in VARIANTS.items()
        ]


@asynccontextmanager
async def arm(
    servers: Servers, database: ServiceDatabase, name: str, features: Features, viewer: str, requests: int
) -> AsyncIterator[Arm]:
    """Each variant has its own database and API process."""
    tracing = {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT": viewer} if features.traces else {}
    program = BILLING if features.avro else JSON_BILLING
    async with billing(servers, database, program, tracing, name=name) as api:
        if not features.row_security:
            await permit_every_row(database)
        yield await replace(api, idempotent=features.idempotency).arm(name, database.app, requests)


async def permit_every_row(database: ServiceDatabase) -> None:
    """Row-level security stays on, because a process refuses to start without it; its condition is
    constant.
    """
    async with connected(database.owner) as owner:
        for row in await owner.fetch(POLICIES):
            await owner.execute(f"alter policy tenants on {row['name']} using (true) with check (true)")


@asynccontextmanager
async def span_sink() -> AsyncIterator[str]:
    """An address that accepts spans and drops them: Zipkin itself would take CPU from the arms."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                _, _, length = head.lower().partition(b"content-length: ")
                await reader.readexactly(int(length.partition(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(accept, LOOPBACK, 0)
    async with server:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/api/v2/spans"


ROWS = [
    Row(
        id="B12",
        work="POST /invoices as shipped, 10 traces per second recorded, beside the same without safety features",
        unit="request",
        goals=[Goal(measure=RATE, bound=0.75), Goal(measure=CPU, bound=1.33)],
        arms=arms,
        scale=Scale(units=600),
        rounds=4,
    )
]
