"""B1: `POST /invoices` of the billing API beside a bare FastAPI with asyncpg."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.billing_api import bare, billing
from bench.frame.row import OURS, P99, RATE, Arm, Goal, Row, Scale
from bench.frame.servers import Servers

PEER = "FastAPI and asyncpg, two inserts"


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with servers.databases() as databases:
        database = await databases("billing")
        async with billing(servers, database) as ours, bare(servers, database.owner) as peer:
            yield [
                await ours.arm(OURS, database.app, scale.units),
                await peer.arm(PEER, database.owner, scale.units),
            ]


ROWS = [
    Row(
        id="B1",
        work="POST /invoices: token, RLS, Idempotency-Key, Avro, outbox; 16 connections, workers stopped, tracing off",
        unit="request",
        goals=[Goal(measure=RATE, bound=0.5), Goal(measure=P99, bound=2)],
        arms=arms,
        scale=Scale(units=1000),
        guarded=True,
    )
]
