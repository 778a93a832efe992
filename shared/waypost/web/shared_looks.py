"""One read for all streams that show the same: their number does not load the database."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

Look = Callable[[], Awaitable[Any]]
"""Reads the present state. Raises Transient."""


class SharedLooks:
    """The latest look of each key. A look that is running or recent serves every caller."""

    def __init__(self) -> None:
        self._looks: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    async def latest(self, key: Hashable, look: Look, max_age_seconds: float) -> Any:
        """Raises the error of the look, to everyone who waits for it."""
        now = asyncio.get_running_loop().time()
        began, running = self._looks.get(key, (0.0, None))
        # A little younger than the interval, because callers come once per interval themselves.
        if running is None or _has_failed(running) or now - began >= max_age_seconds * 0.9:
            self._forget(now - 10 * max_age_seconds)
            running = asyncio.ensure_future(_of(look))
            running.add_done_callback(_has_failed)  # reads the error, also if all callers have left
            self._looks[key] = (now, running)
        # Shielded: one caller that leaves must not end the look of the others.
        return await asyncio.shield(running)

    def _forget(self, before: float) -> None:
        old = [key for key, (began, running) in self._looks.items() if began < before and running.done()]
        for key in old:
            del self._looks[key]


def _has_failed(look: "asyncio.Task[Any]") -> bool:
    return look.done() and (look.cancelled() or look.exception() is not None)


async def _of(look: Look) -> Any:
    return await look()
