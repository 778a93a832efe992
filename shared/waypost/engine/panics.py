"""Exceptions that do not derive from `Exception`, such as the panic of a Rust extension (PyO3's
`PanicException`).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from waypost.kernel.errors import WaypostError

_ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)
"""They end a task or the process, and are no fault of the code that they pass through."""


class Panicked(WaypostError):
    """The called code raised an exception that does not derive from `Exception`."""


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Turns such an exception into Panicked, so that `except Exception` handles it like every other
    error of a handler.
    """
    try:
        yield
    except (Exception, *_ENDINGS):
        raise
    except BaseException as panic:
        raise Panicked(f"{type(panic).__name__}: {panic}") from panic
