"""A payment provider for each test, and helpers for its requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from infra.simulators.payments.app import create_app
from infra.simulators.payments.settings import PaymentsSettings
from waypost.testing.http import caller, serving


@asynccontextmanager
async def provider(folder: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(create_app(PaymentsSettings(data_directory=folder, **settings))) as url,
        caller(url) as client,
    ):
        yield client


def fresh_key() -> str:
    return f"inv-{uuid4()}"


async def charge(client: httpx.AsyncClient, card: str, key: str | None = None, **changes: Any) -> httpx.Response:
    order = {"amount_minor": 14_800, "currency": "EUR", "payment_method": card, "metadata": {"invoice_id": "17"}}
    return await client.post("/v1/charges", json=order | changes, headers={"Idempotency-Key": key or fresh_key()})


async def refund(client: httpx.AsyncClient, key: str | None = None, **order: Any) -> httpx.Response:
    return await client.post("/v1/refunds", json=order, headers={"Idempotency-Key": key or fresh_key()})


async def charges(client: httpx.AsyncClient, key: str | None = None) -> list[dict[str, Any]]:
    answer = await client.get("/v1/charges", params={"idempotency_key": key} if key else {})
    data: list[dict[str, Any]] = answer.json()["data"]
    return data
