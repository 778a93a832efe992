"""`python -m tests.faults.storm.shifted services.users worker`: runs a service whose clock a storm
can move while it runs, as an operator or a time server moves the clock of one machine.

It shifts the clock of the toolkit and `time.time`, on which ids, the times of records and logs
depend. Time-outs use the monotonic clock, which no such jump moves either.
"""

import os
import runpy
import sys
import time
from pathlib import Path

from waypost.kernel.clock import SystemClock
from waypost.testing.clock import MovableClock

VARIABLE = "STORM_CLOCK"
"""Names the file with the offset in seconds; without the file there is none."""


def shift(clock: MovableClock) -> None:
    seconds, nanoseconds = time.time, time.time_ns
    SystemClock.now = lambda self: clock.now()  # type: ignore[method-assign]  # every process builds its own
    time.time = lambda: seconds() + clock.offset.total_seconds()
    time.time_ns = lambda: nanoseconds() + int(clock.offset.total_seconds() * 1e9)


if __name__ == "__main__":
    shift(MovableClock(file=Path(os.environ[VARIABLE])))
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
