"""Server-sent events (WHATWG HTML, section 9.2): sends changes while the client is connected."""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from waypost.kernel.errors import TooManyRequests, Transient, Unavailable
from waypost.web.places import NoPlace, Places
from waypost.web.principal import Principal
from waypost.web.shared_looks import Look, SharedLooks

log = structlog.get_logger()

EVENT_STREAM = "text/event-stream"
MAX_STREAMS = 200
"""Maximum number of streams of one process."""
MAX_STREAMS_OF_TENANT = 50
MAX_STREAMS_OF_CALLER = 5
MAX_STREAM_SECONDS = 600.0
"""After it the client reconnects. A stream also ends when its access token expires."""
QUIET_SECONDS = 15.0
"""A comment is sent after this time without an event, so that no proxy closes the connection."""
RECONNECT = timedelta(seconds=10)

Changes = Callable[[Any], Sequence["ServerSentEvent"]]
"""Returns what is new in a look, compared with the previous one of this stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    name: str
    data: str
    """One line. Compact JSON contains no line breaks."""

    def encoded(self) -> bytes:
        return f"event: {self.name}\ndata: {self.data}\n\n".encode()


class TooManyStreams(TooManyRequests):
    """Too many streams are open."""


def wants_events(request: Request) -> bool:
    return EVENT_STREAM in request.headers.get("accept", "")


def event_stream(
    request: Request, caller: Principal, look: Look, changes: Changes, *, of: Hashable, every_seconds: float = 1.0
) -> StreamingResponse:
    """A response that streams changes. `look` reads the present state; streams of one tenant with
    an equal `of` share it. It ends when the server drains, when the token expires, and when the
    database is unavailable; EventSource clients reconnect.

    Raises TooManyStreams at the maximum of the caller or the tenant, Unavailable at that of the
    process.
    """
    streams: Streams = request.app.state.streams
    seconds_left = request.scope["state"]["token_expires_at"] - request.app.state.clock.now().timestamp()
    admitted = streams.admit(caller)
    source = _Source((caller.tenant_id, of), look, changes, every_seconds, min(seconds_left, MAX_STREAM_SECONDS))
    return _Stream(streams.events(source), admitted)


@dataclass(frozen=True, slots=True)
class _Source:
    key: Hashable
    look: Look
    changes: Changes
    every_seconds: float
    lasts_seconds: float


class _Stream(StreamingResponse):
    """Gives its place back when it ends, and also if it is never sent."""

    def __init__(self, events: AsyncIterator[bytes], admitted: Callable[[], None]) -> None:
        headers: Mapping[str, str] = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type=EVENT_STREAM, headers=headers)
        self._give_back = weakref.finalize(self, admitted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()


class Streams:
    """The open streams of one application."""

    def __init__(self, *, max_streams: int = MAX_STREAMS) -> None:
        self._places = Places(of_caller=MAX_STREAMS_OF_CALLER, of_tenant=MAX_STREAMS_OF_TENANT, of_process=max_streams)
        self._looks = SharedLooks()
        self._ending = asyncio.Event()

    def admit(self, caller: Principal) -> Callable[[], None]:
        """Counts a stream from now on. Returns the function that ends the count."""
        try:
            return self._places.acquire(caller)
        except NoPlace as full:
            if full.whose == "process":
                raise Unavailable("too many open streams", RECONNECT) from full
            message = f"one {full.whose} may have {full.bound} open streams: close one, or connect again later"
            raise TooManyStreams(message, RECONNECT, bound=full.bound) from full

    def end(self) -> None:
        """Ends all streams, and any that open later. Called when the server drains."""
        self._ending.set()

    async def events(self, source: _Source) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        with _quiet_outages():
            async for chunk in self._changes(source):
                yield chunk

    async def _changes(self, source: _Source) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        ends, last_sent = now() + source.lasts_seconds, now()
        while not self._ending.is_set() and now() < ends:
            state = await self._looks.latest(source.key, source.look, source.every_seconds)
            if changed := b"".join(event.encoded() for event in source.changes(state)):
                yield changed
                last_sent = now()
            elif now() - last_sent >= QUIET_SECONDS:
                yield b": still here\n\n"
                last_sent = now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(source.every_seconds, max(0.0, ends - now()))):
                    await self._ending.wait()


@contextlib.contextmanager
def _quiet_outages() -> Iterator[None]:
    """Ends the stream without an error while the database is unavailable: the client reconnects."""
    try:
        yield
    except (Transient, Unavailable) as error:
        log.info("stream_ended", error_class=type(error).__name__)
