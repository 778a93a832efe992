"""The process of the supervisor: holds the stack's lock, and answers requests until a signal
arrives.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from waypost.devstack.files import board_file, lock_file
from waypost.devstack.requests import WATCH_SECONDS, Handler, answer_waiting
from waypost.engine.periodic_loop import FunctionLoop, PeriodicLoop
from waypost.native.errors import SetUpFailed
from waypost.native.locks import lock_within

LOCK_PATIENCE_SECONDS = 1.0


class AlreadyRuns(SetUpFailed):
    """Another supervisor holds the lock of this folder."""


@asynccontextmanager
async def only_supervisor(directory: Path, *, remedy: str) -> AsyncIterator[None]:
    """Holds the folder's lock inside the block. Raises AlreadyRuns, with the remedy, if another
    supervisor holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with lock_file(directory).open("a") as lock:
        if not await lock_within(lock, LOCK_PATIENCE_SECONDS):
            raise AlreadyRuns("Starting the stack", f"it is already running in {directory}", remedy)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        board_file(directory).unlink(missing_ok=True)  # from a supervisor that was killed
        try:
            yield
        finally:
            lock.truncate(0)
            board_file(directory).unlink(missing_ok=True)


@asynccontextmanager
async def answering(folder: Path, handle: Handler) -> AsyncIterator[asyncio.Event]:
    """Answers requests until SIGTERM or SIGINT sets the event. An answer that fails, for example on
    a full disk, is tried again. Raises OSError if `folder` cannot be a folder.
    """
    folder.mkdir(exist_ok=True)
    asked_to_stop = stop_signal()
    answers = FunctionLoop(partial(answer_waiting, folder, handle), name="requests", every_seconds=WATCH_SECONDS)
    await answers.start()
    ending = asyncio.create_task(stop_when(asked_to_stop, answers), name="end of requests")
    try:
        yield asked_to_stop
    finally:
        ending.cancel()
        await answers.stop()


async def stop_when(event: asyncio.Event, loop: PeriodicLoop) -> None:
    """Stops the loop, so that a stopping stack starts nothing more."""
    await event.wait()
    await loop.stop()


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
