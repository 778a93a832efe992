"""Headers against misuse by browsers and caches, on every kind of answer."""

from ipaddress import ip_network

import pytest
from fastapi import APIRouter
from starlette.responses import Response

from tests.fixtures.web import api
from waypost.testing.http import client_of
from waypost.web.auth import Caller

PATHS = [
    "/",
    "/docs",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/livez",
    "/metrics",
    "/nothing",
    "/own",
    "/cached",
    "/fails",
]


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/own")
    async def own(caller: Caller) -> Response:
        return Response()

    @router.get("/cached")
    async def cached() -> Response:
        return Response(headers={"cache-control": "public, max-age=300", "referrer-policy": "origin"})

    @router.get("/fails")
    async def fails() -> Response:
        raise RuntimeError("of a test")

    return router


@pytest.mark.parametrize("path", PATHS)
async def test_no_answer_may_be_sniffed_stored_or_reported_to_other_sites(path: str) -> None:
    async with client_of(api(routes()), raise_errors=False) as client:
        headers = (await client.get(path)).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["origin" if path == "/cached" else "no-referrer"]
    public = {"/docs/swagger-ui.css": "public, max-age=86400", "/cached": "public, max-age=300"}
    assert headers.get_list("cache-control") == [public.get(path, "no-store")]
    assert "strict-transport-security" not in headers


async def test_tls_is_required_for_the_future_where_the_client_uses_it() -> None:
    async with client_of(api(routes()), base_url="https://demo") as client:
        assert "max-age=31536000" in (await client.get("/livez")).headers["strict-transport-security"]
    behind_a_proxy = api(routes(), trusted_proxies=[ip_network("127.0.0.0/8")])
    async with client_of(behind_a_proxy) as client:
        forwarded = await client.get("/livez", headers={"x-forwarded-proto": "https"})
        plain = await client.get("/livez", headers={"x-forwarded-proto": "http"})
    assert "strict-transport-security" in forwarded.headers
    assert "strict-transport-security" not in plain.headers
