"""Exceptions that do not derive from `Exception`, such as the panic of a Rust extension (PyO3's
`PanicException`).
"""

import asyncio
from types import TracebackType

from waypost.kernel.errors import WaypostError

_ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)
"""They end a task or the process, and are no fault of the code that they pass through."""


class NonExceptionRaised(WaypostError):
    """The called code raised an exception that does not derive from `Exception`."""


class panics_as_errors:  # noqa: N801 - used like a function
    """Turns such an exception into NonExceptionRaised, so that `except Exception` handles it like
    every other error of a handler. A class, because a generator costs four times as much for each
    call.
    """

    __slots__ = ()

    def __enter__(self) -> None: ...

    def __exit__(
        self, _kind: type[BaseException] | None, raised: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if raised is not None and not isinstance(raised, (Exception, *_ENDINGS)):
            raise NonExceptionRaised(f"{type(raised).__name__}: {raised}") from raised
