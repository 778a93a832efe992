"""The process of the supervisor: holds the stack's lock, and answers requests until a signal
arrives.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from waypost.devstack.files import board_file, lock_file
from waypost.devstack.requests import Handler, answer_requests
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
    """Answers requests until SIGTERM or SIGINT sets the event. An error that ends the answers sets
    it too, and is raised at the end of the block.
    """
    asked_to_stop = stop_signal()
    requests = asyncio.create_task(answer_requests(folder, handle), name="requests")
    requests.add_done_callback(lambda _: asked_to_stop.set())
    ending = asyncio.create_task(cancel_when(asked_to_stop, requests), name="end of requests")
    try:
        yield asked_to_stop
    finally:
        ending.cancel()
        requests.cancel()
        with suppress(asyncio.CancelledError):
            await requests


async def cancel_when(event: asyncio.Event, task: "asyncio.Task[None]") -> None:
    """Cancels the task, so that a stopping stack starts nothing more."""
    await event.wait()
    task.cancel()


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked
