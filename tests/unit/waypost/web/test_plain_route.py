"""A plain route answers as the framework does, and calls the framework only for what is invalid."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, HTTPException, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from tests.fixtures.web import api
from waypost.kernel.errors import Conflict, Forbidden
from waypost.testing.http import client_of
from waypost.web import route_index
from waypost.web.body import MAX_BODY_BYTES

router = APIRouter(prefix="/lamps")


class Lamp(BaseModel):
    name: str = Field(min_length=2)
    watts: int


async def _colour(request: Request, colour: Annotated[str, Header(min_length=3)] = "white") -> str:
    if colour == "black":
        raise Forbidden("a lamp is not black")
    return f"{colour} {request.method}"


class _Room:
    async def __call__(self, request: Request) -> str:
        return request.headers.get("room", "hall")


Colour = Annotated[str, Depends(_colour)]
Room = Annotated[str, Depends(_Room())]


def described(request: Request, **values: object) -> Response:
    """Names the server of the request by the stacks that the framework adds to the scope."""
    by_framework = str("fastapi_inner_astack" in request.scope)
    return JSONResponse({name: str(value) for name, value in values.items()}, headers={"by-framework": by_framework})


@router.post("/{lamp_id}", status_code=201)
async def replace(
    lamp_id: UUID,
    body: Lamp,
    colour: Colour,
    room: Room,
    request: Request,
    floor: Annotated[int, Query(ge=0)] = 0,
    owner: Annotated[str | None, Cookie(max_length=5)] = None,
) -> Response:
    if body.name == "broken":
        raise Conflict("the lamp is broken")
    return described(request, lamp_id=lamp_id, body=body, colour=colour, room=room, floor=floor, owner=owner)


@router.get("/{lamp_id}")
async def show(lamp_id: UUID, colour: Colour, request: Request) -> Response:
    return described(request, lamp_id=lamp_id, colour=colour)


def framework_alone() -> FastAPI:
    app = api(router)
    app.router.middleware_stack = app.router.app
    return app


@pytest.fixture
async def plain() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api(router)) as client:
        yield client


@pytest.fixture
async def framework() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(framework_alone()) as client:
        yield client


PATH, LAMP = f"/lamps/{UUID(int=7)}", {"name": "desk", "watts": 40}
JSON = {"content-type": "application/json"}


def encoded(value: object, encoding: str = "utf-8") -> bytes:
    return json.dumps(value).encode(encoding)


VALID: list[dict[str, Any]] = [
    {"method": "GET", "url": PATH},
    {"method": "POST", "url": PATH, "json": LAMP},
    {"method": "POST", "url": f"{PATH}?floor=3", "json": LAMP, "headers": {"colour": "green", "room": "attic"}},
    {"method": "POST", "url": PATH, "json": LAMP, "headers": {"cookie": "owner=ann"}},
    {"method": "POST", "url": PATH, "json": {"name": "ü€", "watts": 2**70}},
    {"method": "POST", "url": PATH, "content": encoded(LAMP, "utf-16"), "headers": JSON},
]
REFUSED: list[dict[str, Any]] = [
    {"method": "POST", "url": PATH, "json": {"name": "broken", "watts": 1}},
    {"method": "POST", "url": PATH, "json": LAMP, "headers": {"colour": "black"}},
    {"method": "GET", "url": PATH, "headers": {"colour": "black"}},
]
LEFT: list[dict[str, Any]] = [
    {"method": "POST", "url": PATH, "json": {"name": "d", "watts": "many"}},
    {"method": "POST", "url": PATH, "json": {"name": "d"}, "headers": {"colour": "black"}},
    {"method": "POST", "url": f"{PATH}?floor=-1", "json": {"watts": 1}, "headers": {"colour": "a"}},
    {"method": "POST", "url": PATH, "json": LAMP, "headers": {"cookie": "owner=someone"}},
    {"method": "POST", "url": "/lamps/seven", "json": LAMP},
    {"method": "POST", "url": PATH, "json": [LAMP]},
    {"method": "POST", "url": PATH},
    {"method": "POST", "url": PATH, "content": b"{", "headers": JSON},
    {"method": "POST", "url": PATH, "content": b"[" * 10_000, "headers": JSON},
    {"method": "POST", "url": PATH, "content": b"\xff", "headers": JSON},
    {"method": "POST", "url": PATH, "content": b'{"name": "desk", "watts": NaN}', "headers": JSON},
    {"method": "POST", "url": PATH, "content": encoded(LAMP)},
    {"method": "POST", "url": PATH, "content": encoded(LAMP), "headers": {"content-type": "text/plain"}},
    {
        "method": "POST",
        "url": PATH,
        "content": encoded(LAMP),
        "headers": {"content-type": "Application/merge+json; a=b"},
    },
    {"method": "GET", "url": "/lamps/seven"},
]


@pytest.mark.parametrize("request_", VALID + REFUSED + LEFT)
async def test_responses_are_equal(
    plain: httpx.AsyncClient, framework: httpx.AsyncClient, request_: dict[str, Any]
) -> None:
    responses = [await client.request(**request_) for client in (plain, framework)]
    ours, theirs = [(each.status_code, _without_ids(each)) for each in responses]
    assert ours == theirs


def _without_ids(response: httpx.Response) -> list[object]:
    headers = {name: value for name, value in response.headers.items() if name not in ("x-request-id", "by-framework")}
    body = {name: value for name, value in response.json().items() if name not in ("instance", "trace_id")}
    return [headers, body]


@pytest.mark.parametrize("request_", VALID)
async def test_valid_request_does_not_reach_the_framework(
    plain: httpx.AsyncClient, framework: httpx.AsyncClient, request_: dict[str, Any]
) -> None:
    responses = [await client.request(**request_) for client in (plain, framework)]
    assert [each.headers["by-framework"] for each in responses] == ["False", "True"]


async def test_replaced_dependency_is_called() -> None:
    app = api(router)
    app.dependency_overrides[_colour] = lambda: "red"
    async with client_of(app) as client:
        assert (await client.get(PATH)).json()["colour"] == "red"


async def test_too_large_body_is_refused(plain: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b" " * MAX_BODY_BYTES
        yield b" "

    response = await plain.post(PATH, content=chunks(), headers=JSON)
    assert (response.status_code, response.json()["type"]) == (413, "urn:waypost:problem:body-too-large")


async def test_client_that_leaves_while_it_sends_is_an_invalid_request() -> None:
    sent: list[Message] = []

    async def left() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers, "state": {}}
    await api(router)(scope, left, send)
    assert sent[0]["status"] == 400


class Guarded(APIRoute):
    """A route class that refuses requests without a pass."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if "x-pass" not in request.headers:
                raise HTTPException(403)
            return await handle(request)

        return guarded


def _answers_of_special_routes() -> FastAPI:
    guarded, limited, app = APIRouter(route_class=Guarded), APIRouter(), FastAPI()

    @guarded.get("/guarded")
    async def guarded_route() -> Response:
        return JSONResponse({})

    @limited.post("/limited", max_body_size=100)
    async def limited_route(body: dict[str, str]) -> Response:
        return JSONResponse({})

    async def late_name() -> Response:
        return JSONResponse({})

    late_name.__annotations__["return"] = "OnlyForTypeCheckers"
    app.include_router(guarded)
    app.include_router(limited)
    app.add_api_route("/late", late_name, response_model=None)
    route_index.install(app.router)
    return app


async def test_routes_with_a_handler_of_their_own_keep_it() -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=_answers_of_special_routes()), base_url="http://service"
    ) as client:
        statuses = [
            (await client.get("/guarded")).status_code,
            (await client.get("/guarded", headers={"x-pass": "1"})).status_code,
            (await client.post("/limited", json={"text": "x" * 1000})).status_code,
            (await client.get("/late")).status_code,
        ]
    assert statuses == [403, 200, 413, 200]
