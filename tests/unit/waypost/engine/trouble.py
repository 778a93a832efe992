"""Dependencies of background tasks that raise an error at each use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Trouble:
    """A dependency of a task: every use of it raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.met: dict[str, int] = {}

    def meet(self, what: str) -> Any:
        self.met[what] = self.met.get(what, 0) + 1
        raise self.error

    def __getattr__(self, what: str) -> Any:
        async def raising(*_: Any, **__: Any) -> Any:
            await asyncio.sleep(0)
            return self.meet(what)

        return raising


class Opening(Trouble):
    """The same for a dependency opened with `async with`."""

    def __getattr__(self, what: str) -> Any:
        @asynccontextmanager
        async def raising(*_: Any, **__: Any) -> AsyncIterator[Any]:
            yield self.meet(what)

        return raising
