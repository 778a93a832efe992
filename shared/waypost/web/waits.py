"""Requests that wait, with `Prefer: wait=N` (RFC 7240): bounded in time and in number, without a
database connection, and ended when the client disconnects or the server drains.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import StrEnum

from starlette.requests import Request

from waypost.web.places import NoPlace, Places
from waypost.web.preferences import wait_seconds
from waypost.web.principal import Principal
from waypost.web.request import add_response_headers, add_wait

FIRST_PAUSE_SECONDS = 0.01
PAUSE_FACTOR = 1.5
MAX_PAUSE_SECONDS = 0.25
ANSWER_SECONDS = 1.0
"""How long a look may last beyond the bound of the wait."""

MAX_WAITS = 500
"""Waiting requests of one process."""
MAX_WAITS_OF_TENANT = 50
MAX_WAITS_OF_CALLER = 10

PREFERENCE_APPLIED = ("preference-applied", "wait")

_ENDS = "wait_ends"
"""Key of the request's state."""


class Waited(StrEnum):
    """How a wait ended."""

    DONE = "done"
    NOT_DONE = "not-done"
    """The bound was reached, the client has disconnected, or the server drains."""
    REFUSED = "refused"
    """Too many requests wait: this one does not."""


def prefers_wait(request: Request) -> bool:
    return wait_seconds(request.headers.getlist("prefer")) is not None


class Waits:
    """The waiting requests of one application."""

    def __init__(self, places: Places | None = None) -> None:
        self._places = places or Places(
            of_caller=MAX_WAITS_OF_CALLER, of_tenant=MAX_WAITS_OF_TENANT, of_process=MAX_WAITS
        )
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Ends all waits, and any that begin later. Called when the server drains."""
        self._ending.set()

    async def until(self, request: Request, caller: Principal, is_done: Callable[[], Awaitable[bool]]) -> Waited | None:
        """Calls `is_done` with growing pauses until it returns True, for as long as the request
        prefers. It is called at least once. None if the request prefers no wait.

        `is_done` must hold no connection between two calls. Raises its errors.
        """
        seconds = wait_seconds(request.headers.getlist("prefer"))
        if seconds is None:
            return None
        try:
            release = self._places.acquire(caller)
        except NoPlace:
            return Waited.REFUSED
        began = asyncio.get_running_loop().time()
        try:
            return await self._wait(request, _ends(request, seconds), is_done)
        finally:
            release()
            add_wait(request.scope, asyncio.get_running_loop().time() - began)

    async def _wait(self, request: Request, ends: float, is_done: Callable[[], Awaitable[bool]]) -> Waited:
        now, pause = asyncio.get_running_loop().time, FIRST_PAUSE_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(ends + ANSWER_SECONDS):
                    if await is_done():
                        return Waited.DONE
            if now() >= ends or self._ending.is_set() or await request.is_disconnected():
                return Waited.NOT_DONE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(now() + pause, ends)):
                    await self._ending.wait()
            pause = min(pause * PAUSE_FACTOR, MAX_PAUSE_SECONDS)


def _ends(request: Request, seconds: int) -> float:
    """The end of the wait, by the clock of the loop. A request that waits for two things has one
    bound for both.
    """
    state = request.scope["state"]
    if _ENDS not in state:
        state[_ENDS] = asyncio.get_running_loop().time() + seconds
        add_response_headers(request.scope, PREFERENCE_APPLIED)
    ends: float = state[_ENDS]
    return ends
