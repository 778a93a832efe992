"""Streams of events: bounds at admission, shared looks, and the end of a stream."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from waypost.kernel.errors import Transient, Unavailable
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.web.event_streams import (
    MAX_STREAMS_OF_CALLER,
    MAX_STREAMS_OF_TENANT,
    ServerSentEvent,
    Streams,
    TooManyStreams,
    _Source,
    _Stream,
)
from waypost.web.principal import Principal
from waypost.web.shared_looks import SharedLooks


def principal(tenant_id: UUID | None = None) -> Principal:
    return Principal(user_id=new_id(), tenant_id=TenantId(tenant_id or new_id()), role=Role.ADMIN)


def test_a_caller_and_a_tenant_have_a_bound_that_counts_from_the_admission() -> None:
    streams, ada = Streams(max_streams=1_000), principal()
    ends = [streams.admit(ada) for _ in range(MAX_STREAMS_OF_CALLER)]
    with pytest.raises(TooManyStreams, match="one caller may have 5 open streams"):
        streams.admit(ada)
    ends.pop()()
    streams.admit(ada)
    for _ in range(MAX_STREAMS_OF_TENANT - MAX_STREAMS_OF_CALLER):
        streams.admit(principal(ada.tenant_id))
    with pytest.raises(TooManyStreams, match="one tenant may have 50 open streams"):
        streams.admit(principal(ada.tenant_id))
    streams.admit(principal())


def test_the_process_has_a_bound_and_a_refused_stream_counts_nothing() -> None:
    streams = Streams(max_streams=2)
    end, _ = streams.admit(principal()), streams.admit(principal())
    for _ in range(3):
        with pytest.raises(Unavailable):
            streams.admit(principal())
    end()
    streams.admit(principal())


def test_a_response_that_is_never_sent_gives_its_place_back() -> None:
    streams = Streams(max_streams=1)

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    response = _Stream(nothing(), streams.admit(principal()))
    del response
    gc.collect()
    streams.admit(principal())


def source(look: Callable[[], Any], *, lasts: float = 60, every: float = 0.001) -> _Source:
    def changes(state: object) -> Sequence[ServerSentEvent]:
        return [ServerSentEvent(name="state", data=str(state))]

    return _Source("key", look, changes, every, lasts)


async def test_a_stream_ends_when_its_token_expires() -> None:
    async def look() -> int:
        return 1

    chunks = [chunk async for chunk in Streams().events(source(look, lasts=0.05))]
    assert len(chunks) > 1


async def test_a_stream_ends_without_an_error_while_the_database_is_away() -> None:
    async def look() -> int:
        raise Transient("the database is away")

    assert [chunk async for chunk in Streams().events(source(look))] == [b"retry: 1000\n\n"]


async def test_other_errors_of_a_look_are_not_hidden() -> None:
    async def look() -> int:
        raise RuntimeError("of a test")

    with pytest.raises(RuntimeError):
        assert [chunk async for chunk in Streams().events(source(look))]


async def test_streams_that_show_the_same_share_one_look() -> None:
    looks, begun, go_on = SharedLooks(), 0, asyncio.Event()

    async def look() -> int:
        nonlocal begun
        begun += 1
        await go_on.wait()
        return begun

    waiting = [asyncio.create_task(looks.latest("one", look, 60)) for _ in range(50)]
    other = asyncio.create_task(looks.latest("another", look, 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting[0].cancel()  # the stream that began the look leaves
    go_on.set()
    assert await asyncio.gather(*waiting[1:], other) == [2] * 50
    assert begun == 2


async def test_a_failed_look_is_not_kept_and_an_old_one_is_repeated() -> None:
    looks, results = SharedLooks(), iter((0, 1, 2))

    async def look() -> int:
        result = next(results)
        if result == 0:
            raise Transient("away")
        return result

    with pytest.raises(Transient):
        await looks.latest("key", look, 60)
    assert [await looks.latest("key", look, 60), await looks.latest("key", look, 60)] == [1, 1]
    assert await looks.latest("key", look, 0) == 2
