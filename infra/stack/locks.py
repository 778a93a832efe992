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
    """Holds the file's lock inside the block; calls `waiting` once when somebody else holds it. Freed by the kernel on any end."""
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
