"""File locks between processes on one machine, which may set up or start at the same time."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.1


@asynccontextmanager
async def exclusive(path: Path) -> AsyncIterator[None]:
    """Holds the file's lock inside the block. The kernel releases it when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while not try_lock(file):  # noqa: ASYNC110 - the holder is another process
            await asyncio.sleep(POLL_SECONDS)
        yield


def try_lock(file: IO[str]) -> bool:
    """Locks the file. Returns False if another process holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def lock_within(file: IO[str], patience_seconds: float) -> bool:
    """Locks the file. Returns False if another process still holds the lock at the deadline. A
    short wait is normal: a process that checks the lock also takes it for a moment.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while not try_lock(file):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
