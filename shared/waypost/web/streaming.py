"""Server-sent events (WHATWG HTML, section 9.2): what changed, as long as the client listens."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import StreamingResponse

from waypost.kernel.errors import Unavailable

EVENT_STREAM = "text/event-stream"
MOST_STREAMS = 200
"""Of one process. Each looks once a second; the pool serves ordinary requests beside."""
LONGEST_SECONDS = 600.0
"""As long as an access token lives: whoever listens on comes again, and shows a token that is still
good.
"""
QUIET_SECONDS = 15.0
"""After so long without an event a comment is sent: a proxy would take the connection for dead."""

Look = Callable[[], Awaitable[Sequence["ServerSentEvent"]]]
"""What changed since the last look; everything at the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    name: str
    data: str
    """One line: JSON has no line breaks of its own."""

    def encoded(self) -> bytes:
        return f"event: {self.name}\ndata: {self.data}\n\n".encode()


def wants_events(request: Request) -> bool:
    return EVENT_STREAM in request.headers.get("accept", "")


def event_stream(request: Request, look: Look, *, every_seconds: float = 1.0) -> StreamingResponse:
    """Raises Unavailable where as many listen as may. Ends when the server drains; clients come
    again by themselves (EventSource).
    """
    streams: Streams = request.app.state.streams
    streams.require_room()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(streams.told(look, every_seconds), media_type=EVENT_STREAM, headers=headers)


class Streams:
    """The open streams of one application."""

    def __init__(self, *, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._open = 0
        self._ending = asyncio.Event()

    def require_room(self) -> None:
        if self._open >= self._most:
            raise Unavailable("too many are listening", timedelta(seconds=10))

    def end(self) -> None:
        """All of them, and those to come; called when the server drains."""
        self._ending.set()

    async def told(self, look: Look, every_seconds: float) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            yield b"retry: 1000\n\n"
            async for chunk in self._changes(look, every_seconds):
                yield chunk
        finally:
            self._open -= 1

    async def _changes(self, look: Look, every_seconds: float) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        ends, spoke = now() + LONGEST_SECONDS, now()
        while not self._ending.is_set() and now() < ends:
            if changed := b"".join(each.encoded() for each in await look()):
                yield changed
                spoke = now()
            elif now() - spoke >= QUIET_SECONDS:
                yield b": still here\n\n"
                spoke = now()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), every_seconds)
