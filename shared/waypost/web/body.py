"""Limits the size of request bodies, with or without a Content-Length."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waypost.web.problems import problem

MAX_BODY_BYTES = 64 * 1024
DROPPED_BYTES = 1024 * 1024
DROPPING_SECONDS = 1.0


class BodyTooLarge(Exception):
    """Interrupts the handler that reads the body."""


class BodyCap:
    """Middleware that refuses too large bodies with 413 (RFC 9110 section 15.5.14): by
    Content-Length before reading, and chunked bodies when they exceed the limit.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared_bytes(scope) > self._max_bytes:
            await self._refuse(scope, receive, send)
        else:
            await self._metered(scope, receive, send)

    async def _metered(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0
        answered = False
        exceeded = False

        async def metered() -> Message:
            nonlocal read, exceeded
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                exceeded = True
                raise BodyTooLarge
            return message

        async def answering(message: Message) -> None:
            nonlocal answered
            # The framework answers 400 to any error of the read. Replace it with the 413.
            if exceeded and not answered:
                raise BodyTooLarge
            answered = True
            await send(message)

        try:
            await self._app(scope, metered, answering)
        except BodyTooLarge:
            if answered:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _drop_rest(receive)
        # Close the connection: the rest of the body would be parsed as the next request.
        detail = f"The body is larger than {self._max_bytes} bytes."
        await problem(413, "body-too-large", detail, headers={"Connection": "close"})(scope, receive, send)


async def _drop_rest(receive: Receive) -> None:
    """Reads and drops the rest of the body, up to a limit: a client whose connection closes while
    it sends does not see the answer.
    """
    read, more = 0, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DROPPING_SECONDS):
            while more and read < DROPPED_BYTES:
                message = await receive()
                read += len(message.get("body", b""))
                more = message.get("more_body", False)


def _declared_bytes(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
