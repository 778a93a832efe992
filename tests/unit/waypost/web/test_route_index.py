"""A route is found in the index as the framework finds it: the first declared one that matches."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request

from tests.fixtures.web import api
from waypost.testing.http import client_of
from waypost.web.request import route_of

things = APIRouter(prefix="/things")
shadowed = APIRouter(prefix="/things")


@things.get("/newest")
async def newest(request: Request) -> str | None:
    return route_of(request.scope)


@things.post("/{name}")
async def create(name: str) -> str:
    return f"created {name}"


@things.get("/{name}")
async def one(name: str, request: Request) -> list[str | None]:
    return [name, route_of(request.scope)]


@things.get("/{name}/parts/{number:int}")
async def part(name: str, number: int, request: Request) -> list[object]:
    return [name, number, request.path_params["number"], route_of(request.scope)]


@things.put("/{name}")
async def replace(name: str) -> str:
    return f"replaced {name}"


@shadowed.get("/{name}")
async def never(name: str) -> str:
    raise AssertionError("an earlier route has the same path")


everything = APIRouter()


@everything.get("/{first}/of/{second}")
async def first_is_a_parameter(first: str, second: str) -> list[str]:
    return [first, second]


files = APIRouter()


@files.get("/files/newest")
async def newest_file() -> str:
    raise AssertionError("/{first}/of/{second} does not match, but /files/{path:path} is declared first")


@everything.get("/files/{path:path}")
async def file(path: str) -> str:
    return path


@files.get("/lamps/of/{second}")
async def second_of_lamps(second: str) -> str:
    raise AssertionError("/{first}/of/{second} is declared first")


folders = APIRouter(prefix="/folders")


@folders.get("/{path:path}")
async def folder(path: str) -> str:
    return path


@folders.get("/a/b")
async def folder_b() -> str:
    raise AssertionError("/folders/{path:path} is declared first")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api(things, shadowed, everything, files)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/things/newest", "/things/newest"),
        ("/things/oldest", ["oldest", "/things/{name}"]),
        ("/things/a%20b", ["a b", "/things/{name}"]),
        ("/things/lamp/parts/7", ["lamp", 7, 7, "/things/{name}/parts/{number:int}"]),
        ("/things/of/all", ["things", "all"]),
        ("/lamps/of/all", ["lamps", "all"]),
        ("/files/newest", "newest"),
        ("/files/a/b", "a/b"),
    ],
)
async def test_first_declared_route_answers(client: httpx.AsyncClient, path: str, answer: object) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()) == (200, answer)


async def test_route_of_any_number_of_segments_precedes_the_later_ones() -> None:
    async with client_of(api(folders)) as client:
        assert (await client.get("/folders/a/b")).json() == "a/b"


async def test_prefix_of_a_proxy_precedes_the_path() -> None:
    transport = httpx.ASGITransport(app=api(things), root_path="/things")
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        assert (await client.get("/things/things/newest")).status_code == 200
        assert (await client.get("/things/newest")).status_code == 404


async def test_method_selects_the_route(client: httpx.AsyncClient) -> None:
    assert (await client.put("/things/lamp")).json() == "replaced lamp"
    assert (await client.post("/things/lamp")).json() == "created lamp"


async def test_path_without_a_route_for_the_method_names_the_others(client: httpx.AsyncClient) -> None:
    response = await client.delete("/things/lamp")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, PUT")


@pytest.mark.parametrize("path", ["/nothing", "/things", "/things/", "/things//parts/7", "/things/lamp/parts/x"])
async def test_path_without_a_route_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_page_of_the_framework_is_served(client: httpx.AsyncClient) -> None:
    assert "/things/{name}" in (await client.get("/openapi.json")).json()["paths"]
