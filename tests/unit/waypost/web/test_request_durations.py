"""The metric of durations leaves out what a request preferred to wait."""

import asyncio

from fastapi import APIRouter, HTTPException
from httpx import ASGITransport, AsyncClient
from prometheus_client import REGISTRY
from starlette.requests import Request

from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.web.app import routed
from waypost.web.principal import Principal
from waypost.web.request import add_response_headers, add_wait
from waypost.web.waits import Waits

HOUR = 3600.0


async def test_the_voluntary_wait_is_not_part_of_the_duration() -> None:
    router = APIRouter()

    @router.get("/waited-an-hour")
    async def waited(request: Request) -> None:
        add_wait(request.scope, HOUR / 2)
        add_wait(request.scope, HOUR / 2)

    async with AsyncClient(transport=ASGITransport(routed("test", [router])), base_url="http://test") as http:
        assert (await http.get("/waited-an-hour")).status_code == 200
    labels = {"method": "GET", "route": "/waited-an-hour", "status": "200"}
    assert REGISTRY.get_sample_value("waypost_http_request_seconds_count", labels) == 1
    assert REGISTRY.get_sample_value("waypost_http_request_seconds_sum", labels) == 0


async def test_each_wait_is_noted_also_if_it_is_canceled() -> None:
    request = Request({"type": "http", "headers": [(b"prefer", b"wait=10")], "state": {}})
    caller = Principal(user_id=new_id(), tenant_id=TenantId(new_id()), role=Role.MEMBER)
    looked = asyncio.Event()

    async def never_answers() -> bool:
        looked.set()
        await asyncio.Event().wait()
        return True

    waiting = asyncio.create_task(Waits().until(request, caller, never_answers))
    await looked.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert request.scope["state"]["waited_seconds"] > 0


async def test_an_error_has_no_fields_about_the_wait() -> None:
    router = APIRouter()

    @router.get("/answers/{status}")
    async def answers(request: Request, status: int) -> None:
        add_response_headers(request.scope, ("write-token-status", "handled"))
        if status >= 400:
            raise HTTPException(status)

    async with AsyncClient(transport=ASGITransport(routed("test", [router])), base_url="http://test") as http:
        assert (await http.get("/answers/200")).headers["write-token-status"] == "handled"
        for status in (404, 500):
            assert "write-token-status" not in (await http.get(f"/answers/{status}")).headers
