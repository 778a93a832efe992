"""Server-sent events (WHATWG HTML, section 9.2): sends changes while the client is connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import StreamingResponse

from waypost.kernel.errors import Unavailable

EVENT_STREAM = "text/event-stream"
MAX_STREAMS = 200
"""Maximum number of streams of one process. Each one polls once per second with the pool of
ordinary requests.
"""
MAX_STREAM_SECONDS = 600.0
"""Lifetime of an access token. After it the client reconnects, with a valid token."""
QUIET_SECONDS = 15.0
"""A comment is sent after this time without an event, so that no proxy closes the connection."""

Poll = Callable[[], Awaitable[Sequence["ServerSentEvent"]]]
"""Returns the changes since the last call; at the first call, everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    name: str
    data: str
    """One line. Compact JSON contains no line breaks."""

    def encoded(self) -> bytes:
        return f"event: {self.name}\ndata: {self.data}\n\n".encode()


def wants_events(request: Request) -> bool:
    return EVENT_STREAM in request.headers.get("accept", "")


def event_stream(request: Request, poll: Poll, *, every_seconds: float = 1.0) -> StreamingResponse:
    """A response that streams the changes. It ends when the server drains; EventSource clients
    reconnect. Raises Unavailable at the maximum number of streams.
    """
    streams: Streams = request.app.state.streams
    streams.require_capacity()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(streams.events(poll, every_seconds), media_type=EVENT_STREAM, headers=headers)


class Streams:
    """The open streams of one application."""

    def __init__(self, *, max_streams: int = MAX_STREAMS) -> None:
        self._max_streams = max_streams
        self._open = 0
        self._ending = asyncio.Event()

    def require_capacity(self) -> None:
        if self._open >= self._max_streams:
            raise Unavailable("too many open streams", timedelta(seconds=10))

    def end(self) -> None:
        """Ends all streams, and any that open later. Called when the server drains."""
        self._ending.set()

    async def events(self, poll: Poll, every_seconds: float) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            yield b"retry: 1000\n\n"
            async for chunk in self._changes(poll, every_seconds):
                yield chunk
        finally:
            self._open -= 1

    async def _changes(self, poll: Poll, every_seconds: float) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        ends, last_sent = now() + MAX_STREAM_SECONDS, now()
        while not self._ending.is_set() and now() < ends:
            if changed := b"".join(event.encoded() for event in await poll()):
                yield changed
                last_sent = now()
            elif now() - last_sent >= QUIET_SECONDS:
                yield b": still here\n\n"
                last_sent = now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_seconds):
                    await self._ending.wait()
