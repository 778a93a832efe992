"""Bounds of connections, with raw sockets: size and time of a request's head and body."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from waypost.native.ports import LOOPBACK
from waypost.web.connections import ConnectionBounds
from waypost.web.server import HttpServer

SHORT = ConnectionBounds(head_seconds=0.2, body_seconds=0.2)
REQUEST = b"GET /length HTTP/1.1\r\nHost: demo\r\n"
CHUNK = b"x" * 65_536


async def length(request: Request) -> Response:
    return Response(str(len(await request.body())))


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        """Stops at the first part that a closed connection refuses."""
        try:
            for part in parts:
                self._writer.write(part)
                await self._writer.drain()
        except ConnectionError:
            return

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of the next response; 0 if the connection ends without one."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b""
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        body = await self.reader.readexactly(int(headers[b"content-length"]))
        return int(head.split()[1]), body

    async def is_closed(self) -> bool:
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def connected(bounds: ConnectionBounds = SHORT, connections: int = 1) -> AsyncIterator[list[Client]]:
    server = HttpServer(
        Starlette(routes=[Route("/length", length, methods=["GET", "POST"])]), host=LOOPBACK, port=0, bounds=bounds
    )
    await server.start()
    opened = [await asyncio.open_connection(LOOPBACK, server.port) for _ in range(connections)]
    try:
        yield [Client(*each) for each in opened]
    finally:
        for _, writer in opened:
            writer.close()
        await server.drain(deadline_seconds=1)
        await server.stop()


LONG = ConnectionBounds(head_seconds=20, body_seconds=20)
TOO_LARGE = {
    "one header in one piece": [REQUEST + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n"],
    "one endless header": [REQUEST + b"X-Long: ", *[CHUNK] * 100],
    "many short headers": [REQUEST + b"".join(b"X-%d: x\r\n" % number for number in range(200)) + b"\r\n"],
    "endless headers": [REQUEST, *[b"X-Next: x\r\n"] * 10_000],
    "an endless name": [REQUEST, *[CHUNK] * 100],
    "on a used connection": [REQUEST + b"\r\n", REQUEST + b"X-Long: ", *[CHUNK] * 100],
}


@pytest.mark.parametrize("parts", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_head_beyond_the_bound_is_refused_and_the_connection_closed(parts: list[bytes]) -> None:
    async with connected(LONG) as [client]:
        sending = asyncio.create_task(client.send(*parts))
        status, body = await client.answer()
        if status == 200:
            status, body = await client.answer()
        await sending
        assert (status, json.loads(body)["status"]) == (431, 431)
        assert await client.is_closed()


@pytest.mark.parametrize("parts", [[b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n"], [b"GET /", *[CHUNK] * 100]])
async def test_a_url_beyond_the_bound_is_refused(parts: list[bytes]) -> None:
    async with connected(LONG) as [client]:
        sending = asyncio.create_task(client.send(*parts))
        assert (await client.answer())[0] in (414, 431)
        await sending


@pytest.mark.parametrize("part", [REQUEST, b"G", b"GET /length HTTP/1.1\r\nX-Half: h", b"GET /len"])
async def test_half_a_head_ends_with_408(part: bytes) -> None:
    async with connected() as [client]:
        await client.send(part)
        status, body = await client.answer()
        assert (status, json.loads(body)["detail"]) == (
            408,
            "The head of the request did not arrive within 0.2 s. Send the request again.",
        )
        assert await client.is_closed()


async def test_slow_pieces_do_not_prolong_the_time_of_a_head() -> None:
    async with connected() as [client]:

        async def drip() -> None:
            await client.send(REQUEST)
            while not client.reader.at_eof():
                await client.send(b"X-Next: x\r\n")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert (await client.answer())[0] == 408
        dripping.cancel()


async def test_an_unused_connection_and_half_a_head_on_a_used_one_end_too() -> None:
    async with connected(connections=2) as [unused, used]:
        assert await unused.answer() == (0, b"")
        await used.send(b"")
    async with connected() as [used]:
        await used.send(REQUEST + b"\r\n")
        assert await used.answer() == (200, b"0")
        await used.send(REQUEST)
        assert (await used.answer())[0] == 408


async def test_half_a_body_ends_the_connection() -> None:
    async with connected() as [client]:
        await client.send(b"POST /length HTTP/1.1\r\nHost: demo\r\nContent-Length: 100\r\n\r\nhalf")
        assert await client.answer() == (0, b"")


@pytest.mark.parametrize("headers", [b"", b"Host: a\r\nHost: b\r\n"])
async def test_a_request_without_exactly_one_host_is_refused(headers: bytes) -> None:
    async with connected(LONG) as [client]:
        await client.send(b"GET /length HTTP/1.1\r\n" + headers + b"\r\n")
        status, body = await client.answer()
        assert (status, json.loads(body)["type"].rsplit("/", 1)[-1].rsplit(":", 1)[-1]) == (400, "host-required")


async def test_ordinary_requests_pass_also_in_pieces_and_pipelined() -> None:
    async with connected(LONG) as [client]:
        body = b"POST /length HTTP/1.1\r\nHost: demo\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000
        for piece in (REQUEST, b"X-Next: x\r\n", b"\r\n", body + REQUEST + b"\r\n" + body):
            await client.send(piece)
        assert [await client.answer() for _ in range(4)] == [(200, b"0"), (200, b"60000"), (200, b"0"), (200, b"60000")]
        await client.send(b"GET /length HTTP/1.0\r\n\r\n")  # HTTP/1.0 has no Host
        assert await client.answer() == (200, b"0")


async def test_connections_beyond_the_bound_are_refused_and_the_others_served() -> None:
    async with connected(ConnectionBounds(connections=3), connections=4) as clients:
        status, body = await clients[3].answer()
        assert (status, json.loads(body)["status"]) == (503, 503)
        for client in clients[:3]:
            await client.send(REQUEST + b"\r\n")
            assert await client.answer() == (200, b"0")


async def test_a_line_break_after_a_response_keeps_no_connection() -> None:
    async with connected() as [client]:
        await client.send(REQUEST + b"\r\n")
        assert (await client.answer())[0] == 200
        await client.send(b"\r\n")
        assert await client.is_closed()
