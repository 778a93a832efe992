"""Waits for an effect of another task, process or server. The kit sleeps only here."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")

POLL_SECONDS = 0.02


@overload
async def eventually(
    condition: Callable[[], Coroutine[Any, Any, T]],
    *,
    deadline_seconds: float = 10,
    signal: asyncio.Event | None = None,
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T], *, deadline_seconds: float = 10, signal: asyncio.Event | None = None
) -> T: ...
async def eventually(
    condition: Callable[[], T | Awaitable[T]], *, deadline_seconds: float = 10, signal: asyncio.Event | None = None
) -> T:
    """Evaluates the condition until its value is true, and returns that value.

    It looks when `signal` is set, which it clears before each look; without a signal it looks every
    20 ms. An AssertionError of the condition counts as not yet. At the deadline it raises that
    AssertionError, or one with the last value.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_seconds
    while True:
        failure: AssertionError | None = None
        value: T | None = None
        if signal is not None:
            signal.clear()
        try:
            found = condition()
            value = await found if inspect.isawaitable(found) else found
        except AssertionError as error:
            failure = error
        if value:
            return value
        left = deadline - loop.time()
        if left < 0:
            raise failure or AssertionError(f"not within {deadline_seconds:g} s; the last value was {value!r}")
        await _pause(left, signal)


async def _pause(left_seconds: float, signal: asyncio.Event | None) -> None:
    if signal is None:
        await asyncio.sleep(POLL_SECONDS)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(signal.wait(), left_seconds)
