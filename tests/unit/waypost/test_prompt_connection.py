"""A broker that accepts connections and answers nothing delays no client for long."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.api import Request
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import JoinGroupRequest, JoinGroupResponse_v0
from aiokafka.protocol.metadata import MetadataRequest, MetadataResponse_v0

from waypost.kafka import prompt_connection
from waypost.kafka.prompt_connection import PromptConnection

NEVER_MILLISECONDS = 3_600_000
JOIN_KEY, METADATA_KEY, COMMIT_KEY = 11, 3, 8

pytestmark = pytest.mark.timeout(20)


@pytest.fixture(autouse=True)
def brief_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_connection, "MAX_SILENCE_SECONDS", 0.1)


async def answer_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def answer_api_versions(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    size, _, _, correlation_id = struct.unpack(">ihhi", await reader.readexactly(12))
    await reader.readexactly(size - 8)
    body = ApiVersionResponse_v0(0, [(METADATA_KEY, 0, 5), (JOIN_KEY, 0, 5), (COMMIT_KEY, 0, 3)]).encode()
    writer.write(struct.pack(">ii", len(body) + 4, correlation_id) + body)


async def answer_api_versions_alone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer_api_versions(reader, writer)
    await answer_nothing(reader, writer)


@asynccontextmanager
async def broker(answer: object) -> AsyncIterator[int]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)  # type: ignore[arg-type]  # one of those above
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_connection_to_a_silent_broker_fails_soon() -> None:
    async with broker(answer_nothing) as port:
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=NEVER_MILLISECONDS)
        with pytest.raises(KafkaConnectionError, match="Unable to bootstrap"):
            await client.bootstrap()


@pytest.mark.parametrize(
    "waiting",
    [
        JoinGroupRequest("group", 10_000, 30_000, "", "", "consumer", []),
        OffsetCommitRequest("group", 1, "", -1, []),  # the broker answers when the replicas have it
    ],
    ids=lambda request: type(request).__name__,
)
async def test_a_request_that_is_answered_at_once_fails_soon_and_others_wait(waiting: Request[Any]) -> None:
    async with broker(answer_api_versions_alone) as port:
        connection = await create_conn("127.0.0.1", port, request_timeout_ms=NEVER_MILLISECONDS)
        assert isinstance(connection, PromptConnection)
        try:
            slow = asyncio.ensure_future(connection.send(waiting))
            metadata = asyncio.ensure_future(connection.send(MetadataRequest([])))
            done, _ = await asyncio.wait([slow, metadata], return_when=asyncio.FIRST_COMPLETED)
            assert done == {metadata}
            assert isinstance(metadata.exception(), TimeoutError)
            slow.cancel()
        finally:
            connection.close()


class SlowLink:
    """A link on which the answer to a join arrives in parts, each when the client has looked for
    bytes. The answer about metadata comes behind it.
    """

    def __init__(self, *, parts: int, arriving: int) -> None:
        self._parts, self._arriving = parts, arriving
        self.looked = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        versions = [(METADATA_KEY, 0, 0), (JOIN_KEY, 0, 0), (COMMIT_KEY, 0, 0)]
        writer.write(framed(await correlation(reader), ApiVersionResponse_v0(0, versions).encode()))
        members = JoinGroupResponse_v0(0, 1, "", "", "", [("member", bytes(1000 * self._parts))]).encode()
        join = framed(await correlation(reader), members)
        size = len(join) // self._parts + 1
        for part in range(self._arriving):
            await self.looked.wait()
            self.looked.clear()
            writer.write(join[part * size : (part + 1) * size])
        if self._arriving == self._parts:
            writer.write(framed(await correlation(reader), MetadataResponse_v0([], []).encode()))
        await answer_nothing(reader, writer)


async def correlation(reader: asyncio.StreamReader) -> int:
    """Reads a request, and returns its id."""
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    request = await reader.readexactly(size)
    return int.from_bytes(request[4:8], "big")


def framed(correlation_id: int, body: bytes) -> bytes:
    return struct.pack(">ii", len(body) + 4, correlation_id) + body


@pytest.mark.parametrize("stops", [False, True])
async def test_a_transfer_is_not_silence_until_it_stops(stops: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = 5 * prompt_connection.CHECKS_PER_SILENCE
    link = SlowLink(parts=parts, arriving=parts - 1 if stops else parts)
    arrived = PromptConnection._progress

    def look(connection: PromptConnection) -> tuple[float, int]:
        link.looked.set()
        return arrived(connection)

    monkeypatch.setattr(PromptConnection, "_progress", look)
    async with broker(link.answer) as port:
        connection = await create_conn("127.0.0.1", port, request_timeout_ms=NEVER_MILLISECONDS)
        try:
            join = asyncio.ensure_future(connection.send(JoinGroupRequest("group", 10_000, 30_000, "", "", "", [])))
            metadata = asyncio.ensure_future(connection.send(MetadataRequest([])))
            await asyncio.wait([metadata])
            assert isinstance(metadata.exception(), TimeoutError) if stops else metadata.result()
            assert join.done() is not stops
            join.cancel()
        finally:
            connection.close()


async def test_a_shorter_configured_limit_is_kept() -> None:
    async with broker(answer_api_versions_alone) as port:
        connection = await create_conn("127.0.0.1", port, request_timeout_ms=50)
        with pytest.raises(TimeoutError):
            await connection.send(JoinGroupRequest("group", 10_000, 30_000, "", "", "consumer", []))
        connection.close()


async def test_a_client_that_is_cancelled_before_the_first_metadata_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prompt_connection, "MAX_SILENCE_SECONDS", NEVER_MILLISECONDS / 1000)
    asked, ended = asyncio.Event(), asyncio.Event()

    async def answer_no_metadata(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_api_versions(reader, writer)
        await reader.readexactly(1)
        asked.set()
        await answer_nothing(reader, writer)
        ended.set()

    async with broker(answer_no_metadata) as port:
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=NEVER_MILLISECONDS)
        starting = asyncio.create_task(client.bootstrap())
        await asked.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await ended.wait()


async def test_a_request_on_a_closed_transport_is_a_broken_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """As uvloop refuses it: any other error ends the coordination of a consumer."""
    async with broker(answer_api_versions_alone) as port:
        connection = await create_conn("127.0.0.1", port, request_timeout_ms=NEVER_MILLISECONDS)

        def refused(_: bytes) -> None:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

        monkeypatch.setattr(connection._writer, "write", refused)
        with pytest.raises(KafkaConnectionError, match="broken: unable to perform operation"):
            await connection.send(JoinGroupRequest("group", 10_000, 30_000, "", "", "consumer", []))
        assert not connection.connected()
