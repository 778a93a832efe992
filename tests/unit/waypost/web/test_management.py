"""The public port of an API serves no route of monitoring, of operators, and no document."""

from collections.abc import Sequence

import httpx
import pytest
from fastapi import APIRouter
from pydantic import SecretStr, ValidationError
from starlette.types import Receive, Scope, Send

from infra.services import SERVICES
from tests.fixtures.web import api
from waypost.cli.services import service_named
from waypost.hosting.api import documented
from waypost.hosting.settings import ApiSettings
from waypost.kernel.errors import Misconfigured
from waypost.web.addresses import Address, management_address
from waypost.web.auth import OperatorCaller
from waypost.web.management import (
    DOCUMENT_SEGMENTS,
    MANAGEMENT_SEGMENTS,
    PublicRoutes,
    http_servers,
    refuse_hidden_routes,
    refuse_public_operator_routes,
)
from waypost.web.policies import policies
from waypost.web.unrouted import NOT_PUBLIC

HIDDEN = [
    "/metrics", "/version", "/ops/jobs", "/ops", "/", "/docs", "/docs/swagger-ui.css", "/openapi.json",
    "/metrics%0A", "/version%0A", "/docs%0A", "/openapi.json%0A", "/%0A",
]  # fmt: skip
PROBES = ["/livez", "/readyz"]


def public_client(*routers: APIRouter, documents: bool = False) -> httpx.AsyncClient:
    hidden = MANAGEMENT_SEGMENTS if documents else MANAGEMENT_SEGMENTS | DOCUMENT_SEGMENTS
    transport = httpx.ASGITransport(PublicRoutes(api(*routers), hidden))
    return httpx.AsyncClient(transport=transport, base_url="http://demo")


async def test_a_hidden_route_is_answered_like_an_unknown_path_to_every_method() -> None:
    async with public_client() as client:
        unknown = (await client.get("/unknown")).json()["detail"]
        for path in HIDDEN:
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                answer = await client.request(method, path)
                assert answer.status_code == 404, (method, path)
                assert answer.headers["content-type"] == "application/problem+json"
                assert "allow" not in answer.headers
                assert method == "HEAD" or answer.json()["detail"] == unknown


async def test_other_routes_and_the_probes_stay() -> None:
    router = APIRouter()
    for path in ("/opsx", "/own/ops/jobs", "/metricsx"):
        router.add_api_route(path, lambda: "own")
    async with public_client(router) as client:
        for path in ("/opsx", "/own/ops/jobs", "/metricsx", *PROBES):
            assert (await client.get(path)).status_code == 200, path
        assert (await client.get("/unknown")).status_code == 404


async def test_the_documents_can_be_public() -> None:
    async with public_client(documents=True) as client:
        for path in ("/docs", "/openapi.json", "/docs/swagger-ui.css"):
            assert (await client.get(path)).status_code == 200, path
        for path in ("/metrics", "/version", "/ops/jobs"):
            assert (await client.get(path)).status_code == 404, path


@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_of_every_service_the_public_port_hides_these_routes_alone(name: str) -> None:
    app = documented(service_named(name))
    refuse_public_operator_routes(app)
    refuse_hidden_routes(app)
    expected = {"/metrics", "/version", "/", "/docs", "/asyncapi", "/asyncapi.json"}
    hidden = {route.path for route in policies(app) if await is_hidden(route.path)}
    operators = {route.path for route in policies(app) if route.policy == "operator"}
    assets = {path for path in hidden if path.startswith(("/docs/", "/asyncapi/"))}
    assert operators
    assert hidden == expected | operators | assets


async def is_hidden(path: str) -> bool:
    seen: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(NOT_PUBLIC in scope)

    await PublicRoutes(app, MANAGEMENT_SEGMENTS | DOCUMENT_SEGMENTS)({"type": "http", "path": path}, None, None)  # type: ignore[arg-type]  # unused
    return seen[0]


async def serve(caller: OperatorCaller) -> None: ...


@pytest.mark.parametrize(("path", "is_refused"), [("/ops/own", False), ("/opsx", True), ("/own/ops", True)])
def test_a_route_for_operators_on_the_public_port_is_refused(path: str, is_refused: bool) -> None:
    router = APIRouter()
    router.add_api_route(path, serve, methods=["POST"])
    if not is_refused:
        refuse_public_operator_routes(api(router))
        return
    with pytest.raises(Misconfigured, match=f"POST {path}\nGive them a path that begins with /ops/"):
        refuse_public_operator_routes(api(router))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8051", Address(host="127.0.0.1", port=8051)),
        ("10.0.0.7:8051", Address(host="10.0.0.7", port=8051)),
        ("monitor:1", Address(host="monitor", port=1)),
        ("[::1]:8051", Address(host="::1", port=8051)),
        ("public", None),
    ],
)
def test_an_address_is_read(text: str, expected: Address | None) -> None:
    assert management_address(text) == expected
    assert settings(text).management == expected


@pytest.mark.parametrize(("port", "expected"), [(8001, 9001), (64_535, 65_535), (64_536, 63_536), (65_535, 64_535)])
def test_without_a_setting_management_is_on_loopback_beside_the_public_port(port: int, expected: int) -> None:
    assert settings(port=port).management == Address(host="127.0.0.1", port=expected)


@pytest.mark.parametrize("text", [":8051", "::1", "::1:8051", "[]:1", "host", "host:", "0", "70000", "1:x", "٨"])
def test_another_text_is_refused_with_the_possible_forms(text: str) -> None:
    with pytest.raises(ValidationError, match="must be host:port"):
        settings(text)


@pytest.mark.parametrize("text", ["8001", "10.0.0.7:8001"])
def test_the_port_must_differ_from_the_public_one(text: str) -> None:
    with pytest.raises(ValidationError, match="another port than WAYPOST_SERVICE_PORT; set `public`"):
        settings(text)


@pytest.mark.parametrize(
    ("management", "names"), [(None, ["http"]), (Address(host="::1", port=1), ["management", "http"])]
)
def test_one_port_or_two(management: Address | None, names: Sequence[str]) -> None:
    servers = http_servers(api(), Address(host="127.0.0.1", port=2), management)
    assert [server.name for server in servers] == names


def settings(text: str = "", port: int = 8001) -> ApiSettings:
    dsn = "postgresql://ada@127.0.0.1:1/users"
    return ApiSettings(
        service_port=port,
        management_address=text,
        app_dsn=dsn,
        ops_dsn=dsn,
        kafka_bootstrap="127.0.0.1:1",
        idempotency_secret=SecretStr("a secret that stays the same"),
    )


@pytest.mark.parametrize(
    ("path", "is_refused"), [("/docs/{id}", True), ("/version", True), ("/ops/own", True), ("/documents/{id}", False)]
)
def test_a_route_for_clients_that_the_public_port_would_hide_is_refused(path: str, is_refused: bool) -> None:
    router = APIRouter()
    router.add_api_route(path, lambda: "own", methods=["POST"])
    app = api(router)
    if not is_refused:
        refuse_hidden_routes(app)
        return
    with pytest.raises(Misconfigured, match=r"would answer 404") as refusal:
        refuse_hidden_routes(app)
    assert path in str(refusal.value)
