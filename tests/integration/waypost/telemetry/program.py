"""A process that traces and logs as its environment says, serves one request to itself, and
ends.
"""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

import httpx
import structlog
from fastapi import APIRouter

from tests.fixtures.web import api
from waypost.telemetry import logging, tracing
from waypost.telemetry.messaging import end_send, start_send
from waypost.testing.http import client_of

log = structlog.get_logger()
routes = APIRouter()


@routes.get("/unsubscribe/{token}/{id}")
async def unsubscribe(token: str, id: UUID) -> dict[str, str | None]:  # noqa: A002
    running = tracing.current_trace()
    if running is not None:
        headers = [("traceparent", running.traceparent.encode())]
        span, onward = start_send("users.user", b"k", headers, message_id="event-1")
        end_send(span)
        log.info("sent", traceparent=dict(onward)["traceparent"].decode())
    log.info("unsubscribed", email="ada@mail.example", note="asked by ada@mail.example", at=datetime.now(UTC))
    return {"traceparent": running.traceparent if running else None}


@routes.get("/broken")
async def broken() -> None:
    typed = "ada@mail.example"
    raise ValueError(f"cannot mail {typed}")


async def main() -> None:
    logging.configure("users", console=False)
    tracing.configure("users", "api-1")
    async with client_of(api(routes)) as client:
        await ask(client, f"/unsubscribe/s3cr3t-t0k3n/{UUID(int=7)}?email=ada%40mail.example")
        await ask(client, "/broken")
        await ask(client, "/livez")
    log.info("sdk_loaded", loaded="opentelemetry.sdk.trace" in sys.modules)


async def ask(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(url)
    log.info("answered", status=answer.status_code, trace=answer.json().get("trace_id"))


if __name__ == "__main__":
    asyncio.run(main())
