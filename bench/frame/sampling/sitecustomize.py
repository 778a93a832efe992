"""Samples the Python stack of this process by its CPU time.

Python imports this module at its start if the folder is on PYTHONPATH. Every few milliseconds of
CPU time a signal handler notes the running stack. The stack of a greenlet continues with that of
its parent: SQLAlchemy runs statements in greenlets, and other profilers show them apart from their
callers, or count time of the event loop for them. Time in C counts for the Python function that
called it.
"""

import atexit
import itertools
import os
import signal
import sys
from collections import Counter
from types import CodeType, FrameType

FOLDER, PREFIX = os.environ.get("BENCH_SAMPLES"), os.environ.get("BENCH_SAMPLED_PREFIX")
"""Where each process writes its samples, and the environment whose processes are sampled."""
SECONDS = 0.002
"""The kernel's clock may allow only every 4 ms."""
SAMPLES_PER_WRITE = 250
"""A process may end without a notice."""
ROOTS = sorted((*filter(None, sys.path), sys.prefix), key=len, reverse=True)

stacks = Counter[tuple[CodeType, ...]]()
notes = itertools.count(1)


def start() -> None:
    stacks.clear()
    signal.signal(signal.SIGPROF, note)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS)


def note(_: int, frame: FrameType | None) -> None:
    stacks[tuple(stack_of(frame))] += 1
    if next(notes) % SAMPLES_PER_WRITE == 0:
        write()


def stack_of(frame: FrameType | None) -> list[CodeType]:
    """From the outermost function to the innermost."""
    codes, module = list[CodeType](), sys.modules.get("greenlet")
    current = getattr(module, "getcurrent", None)  # missing while the module is imported
    greenlet = current() if current else None
    while frame is not None:
        codes.append(frame.f_code)
        frame = frame.f_back
        if frame is None and greenlet is not None and greenlet.parent is not None:
            greenlet = greenlet.parent
            frame = greenlet.gr_frame
    return [code for code in reversed(codes) if code.co_filename != __file__]


def write() -> None:
    """Imports are left out, because a process imports only at its start."""
    lines = [
        f"{';'.join(map(name_of, stack))} {count}"
        for stack, count in list(stacks.items())
        if not any("importlib" in code.co_filename for code in stack)
    ]
    with open(f"{FOLDER}/{os.getpid()}", "w") as file:  # noqa: PTH123 - pathlib would be imported at the start of each process
        file.write("\n".join(lines))


def name_of(code: CodeType) -> str:
    """`function (package/module.py)`."""
    file = code.co_filename
    root = next((root for root in ROOTS if file.startswith(root + "/")), "")
    return f"{code.co_qualname} ({file[len(root) :].lstrip('/')})"


def end() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    write()


if FOLDER and sys.prefix == PREFIX:
    start()
    atexit.register(end)
    os.register_at_fork(after_in_child=start)
