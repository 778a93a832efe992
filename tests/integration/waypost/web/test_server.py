"""The server on a real port."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from structlog.testing import capture_logs

from tests.fixtures.web import api
from waypost.engine.process import Process
from waypost.kernel.errors import Misconfigured, PartEnded
from waypost.testing.eventually import eventually
from waypost.testing.http import serving
from waypost.web.body import MAX_BODY_BYTES
from waypost.web.models import RequestModel
from waypost.web.probes import Readiness, create_probes_app
from waypost.web.server import HttpServer, _Server


class Note(RequestModel):
    text: str


class Slow:
    """A route that reports its start, and ends on request."""

    def __init__(self) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.routes = APIRouter()
        self.routes.add_api_route("/slow", self.answer)
        self.routes.add_api_route("/notes", self.note, methods=["POST"])

    async def answer(self) -> str:
        self.begun.set()
        await self.go_on.wait()
        return "done"

    async def note(self, body: Note) -> None: ...


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def server(slow: Slow) -> AsyncIterator[HttpServer]:
    server = HttpServer(api(slow.routes), port=0)
    await server.start()
    yield server
    await server.stop()


def url(server: HttpServer, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def refuses_connections(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


async def test_a_drain_ends_what_is_open_and_takes_nothing_new(server: HttpServer, slow: Slow) -> None:
    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(client.get(url(server, "/slow")))
        await slow.begun.wait()
        drained = tasks.create_task(server.drain(10))
        await eventually(lambda: refuses_connections(server.port))
        assert not server.ready.is_set()
        assert not drained.done()
        slow.go_on.set()
        assert (await asked).json() == "done"


async def test_a_drain_gives_up_at_its_deadline(server: HttpServer, slow: Slow) -> None:
    async with httpx.AsyncClient() as client:
        asked = asyncio.create_task(client.get(url(server, "/slow")))
        await slow.begun.wait()
        await server.drain(0.05)
        await server.stop()
        slow.go_on.set()
        with pytest.raises(httpx.HTTPError):
            (await asked).raise_for_status()


async def test_an_idle_server_stops_without_a_pause(
    server: HttpServer, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses, sleep = [], asyncio.sleep

    async def recorded(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(seconds)

    slow.go_on.set()
    async with httpx.AsyncClient() as client:
        await client.get(url(server, "/slow"))  # its connection stays open
        monkeypatch.setattr("asyncio.sleep", recorded)
        await server.drain(10)
    assert set(pauses) == {0}


async def test_stopping_twice_is_fine(server: HttpServer) -> None:
    await server.stop()
    await server.stop()


async def test_a_taken_port_is_named(server: HttpServer) -> None:
    second = HttpServer(create_probes_app("demo", Readiness()), port=server.port)
    with pytest.raises(Misconfigured, match=str(server.port)):
        await second.start()
    await second.stop()


async def test_what_resources_raise_is_raised_at_the_start() -> None:
    @asynccontextmanager
    async def broken(app: FastAPI) -> AsyncIterator[None]:
        if app.title:
            raise Misconfigured("set WAYPOST_KEYS_DIRECTORY")
        yield

    server = HttpServer(FastAPI(lifespan=broken), port=0)
    with pytest.raises(Misconfigured, match="KEYS_DIRECTORY"):
        await server.start()
    await server.stop()
    with socket.create_server(("127.0.0.1", server.port)):
        pass  # the port was given back


async def test_a_chunked_flood_is_cut_off_on_the_wire(server: HttpServer) -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 * 4):
            yield b"a" * 1024

    async with httpx.AsyncClient() as client:
        answer = await client.post(url(server, "/notes"), content=flood(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"


async def test_a_server_sleeps_between_requests_and_dates_each_response(
    monkeypatch: pytest.MonkeyPatch, slow: Slow
) -> None:
    async def tick(*_: object) -> bool:
        raise AssertionError("uvicorn's loop runs")

    monkeypatch.setattr(uvicorn.Server, "on_tick", tick)
    server = HttpServer(api(slow.routes), port=0)
    await server.start()
    try:
        async with httpx.AsyncClient() as http:
            for seconds in (784111777.5, 784111778.0):
                monkeypatch.setattr("waypost.web.server.time", SimpleNamespace(time=lambda now=seconds: now))
                response = await http.get(url(server, "/livez"))
                assert response.headers.get_list("date") == [formatdate(seconds, usegmt=True)]
    finally:
        await server.drain(5)
        await server.stop()
    assert not server.ready.is_set()


async def test_a_server_that_fails_ends_its_process(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = asyncio.Event()

    async def fails(_: uvicorn.Server) -> None:
        await failing.wait()
        raise OSError("accept failed")

    monkeypatch.setattr(_Server, "main_loop", fails)
    server = HttpServer(api(slow.routes), port=0)
    running = asyncio.create_task(Process([server]).run())
    with capture_logs() as logs:
        await eventually(server.ready.is_set)
        failing.set()
        async with asyncio.timeout(10):
            with pytest.raises(PartEnded, match="http ended"):
                await running
    assert [line["event"] for line in logs] == ["server_failed"]
    assert not server.ready.is_set()


async def test_a_server_whose_task_is_cancelled_ends_its_process(slow: Slow) -> None:
    server = HttpServer(api(slow.routes), port=0)
    running = asyncio.create_task(Process([server]).run())
    await eventually(server.ready.is_set)
    assert server._serving is not None
    server._serving.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(PartEnded, match="http ended"):
            await running


async def test_a_server_that_ends_while_it_starts_is_reported_to_the_test(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise OSError("listen failed")

    monkeypatch.setattr(uvicorn.Server, "startup", fails)
    with pytest.raises(RuntimeError, match="ended while it started"):
        async with serving(api(slow.routes)):
            raise AssertionError("the block ran")


@pytest.mark.parametrize("rounds", range(8))
async def test_a_canceled_start_leaves_no_port_in_the_event_loop(slow: Slow, rounds: int) -> None:
    """Otherwise the next connection with the number of the port's file fails with ENOENT."""
    server, loop = HttpServer(api(slow.routes), port=0), asyncio.get_running_loop()
    starting = asyncio.create_task(server.start())
    while server._serving is None:  # noqa: ASYNC110 - the rounds after it count
        await asyncio.sleep(0)
    for _ in range(rounds):
        await asyncio.sleep(0)
    server._serving.cancel()
    await starting
    await server.stop()
    watched = [key.fileobj for key in loop._selector.get_map().values()]  # type: ignore[attr-defined]  # of asyncio
    for number in watched:
        os.fstat(number)  # raises OSError for a closed file
