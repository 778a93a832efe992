"""Ctrl-C ends the faults or the upgrade, and not the process: the checks still run."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any


def on_interrupt(end: Callable[[], object]) -> None:
    """The first Ctrl-C calls `end`; a second one ends the process."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        end()

    loop.add_signal_handler(signal.SIGINT, interrupt)


async def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Returns when the work has ended, by itself or cancelled by the first Ctrl-C. Raises its
    error.
    """
    working = asyncio.create_task(work)
    on_interrupt(working.cancel)
    try:
        await asyncio.wait([working])
    finally:
        working.cancel()
    if not working.cancelled():
        working.result()
