"""The time of a test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class MovableClock:
    """`waypost.kernel.clock.Clock`. With `at`, a fixed time; without it, the system's clock plus an
    offset.

    Use a fixed time to compare times, and a running clock if the database's clock is involved
    (leases, retention). With `file`, the offset is shared by every process that opens the same
    file, including paused processes.
    """

    def __init__(self, at: datetime | None = None, *, file: Path | None = None) -> None:
        """Raises ValueError for a time without a time zone."""
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{at} has no time zone; pass a timezone-aware datetime in UTC")
        self._at = at
        self._file = file
        self._offset = timedelta()

    def now(self) -> datetime:
        return (self._at or datetime.now(UTC)) + self.offset

    @property
    def offset(self) -> timedelta:
        """The sum of all moves."""
        if self._file is None:
            return self._offset
        return timedelta(seconds=float(self._file.read_text())) if self._file.exists() else timedelta()

    def move(self, by: timedelta) -> None:
        """Moves the clock forward, or back for a negative duration."""
        offset = self.offset + by
        if self._file is None:
            self._offset = offset
        else:
            self._file.write_text(str(offset.total_seconds()))

    def move_to(self, at: datetime) -> None:
        """Moves the clock to this time; a running clock continues from there."""
        self.move(at - self.now())
