"""Locks between processes of one machine: two copies may set up or start at the same moment."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.1


@asynccontextmanager
async def exclusive(path: Path, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Holds the file's lock inside the block; calls `waiting` once when somebody else holds it.
    Freed by the kernel on any end.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not try_lock(file):
            waiting()
            while not try_lock(file):  # noqa: ASYNC110 - the holder is another process, which sets no event of ours
                await asyncio.sleep(POLL_SECONDS)
        yield


def try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def lock_within(file: IO[str], patience_seconds: float) -> bool:
    """Locks it, as long as it comes free in time: somebody may be holding it for a moment, just to
    see whether it is held.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while not try_lock(file):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
