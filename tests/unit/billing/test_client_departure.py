"""A request whose client leaves ends its work."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from services.billing.api.client_departure import while_connected


def request_of(*messages: dict[str, Any]) -> Request:
    """A request with these messages; then its client stays connected."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else await asyncio.Future()

    return Request({"type": "http"}, receive)


EMPTY_BODY = {"type": "http.request", "body": b"", "more_body": False}


async def test_the_work_is_cancelled_when_the_client_leaves() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(ClientDisconnect):
        await while_connected(request_of(EMPTY_BODY, {"type": "http.disconnect"}), work())
    assert cancelled.is_set()


async def test_the_result_or_the_error_of_the_work_is_that_of_the_call() -> None:
    async def result() -> int:
        return 7

    async def error() -> None:
        raise ValueError

    assert await while_connected(request_of(EMPTY_BODY), result()) == 7
    with pytest.raises(ValueError):
        await while_connected(request_of(EMPTY_BODY), error())
