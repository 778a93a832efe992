"""Waits for an effect of another task, process or server. The kit sleeps only in this module."""

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

    Evaluates it when `signal` is set, and clears the signal before each evaluation; without a
    signal, it pauses for 20 ms, or as long as the evaluation took if that is longer, so that an
    expensive condition does not delay the effect. An AssertionError of the condition counts as
    false. At the deadline it raises that AssertionError, or one with the last value.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_seconds
    while True:
        begun = loop.time()
        failure: AssertionError | None = None
        value: T | None = None
        if signal is not None:
            signal.clear()
        try:
            result = condition()
            value = await result if inspect.isawaitable(result) else result
        except AssertionError as error:
            failure = error
        if value:
            return value
        ended = loop.time()
        left = deadline - ended
        if left < 0:
            raise failure or AssertionError(f"not within {deadline_seconds:g} s; the last value was {value!r}")
        if signal is None:
            await asyncio.sleep(max(POLL_SECONDS, min(ended - begun, left)))
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await signal.wait()
