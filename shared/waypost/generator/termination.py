"""Signals that end the process, so that a block can undo its work first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def termination_raises() -> Iterator[None]:
    """SIGTERM and SIGHUP raise SystemExit in the block, with the exit code that shells give them.
    SIGINT raises KeyboardInterrupt without this. No effect outside the main thread, where Python
    sets no handlers, and on a signal that the caller handles or ignores.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    replaced = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_held() -> Iterator[None]:
    """Signals that arrive in the block take effect after it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_ENDING, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
