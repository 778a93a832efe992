"""Runs work on uvloop, beside a loop of asyncio."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


async def on_uvloop(work: Coroutine[Any, Any, T]) -> T:
    """Runs the work on uvloop, like a service, in a thread: a server may run as another user, and
    only asyncio's own loop can start it so. A cancellation reaches the work, and waits for its end.
    """
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = Future()

    async def noted() -> T:
        begun.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    thread = asyncio.ensure_future(asyncio.to_thread(uvloop.run, noted()))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        loop, task = begun.result()
        if task is not None and not thread.done():
            loop.call_soon_threadsafe(task.cancel)
            await asyncio.wait([thread])
        raise
