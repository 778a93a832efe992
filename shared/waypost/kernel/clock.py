"""The clock, passed in from outside so that tests can control it."""

import time
from datetime import UTC, datetime
from typing import Protocol

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Only Linux has the former; elsewhere the monotonic clock may stand still in a suspension."""


def seconds_since_boot() -> float:
    """For differences, as `time.monotonic`, but counts the time for which the host is suspended."""
    return time.clock_gettime(_BOOT_CLOCK)


class Clock(Protocol):
    """A source of time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class SystemClock:
    """The system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
