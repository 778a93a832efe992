"""The time of a test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class MovableClock:
    """`waypost.kernel.clock.Clock`. Stands still at `at`; without one it runs with the system's
    clock.

    It stands still where a test compares times, and runs where the database's own clock takes part
    (leases, retention). With `file` it moves in every process that opens the same file, also in one
    that a test has frozen.
    """

    def __init__(self, at: datetime | None = None, *, file: Path | None = None) -> None:
        """Raises ValueError for a time without a time zone."""
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{at} has no time zone; times are aware, in UTC")
        self._at = at
        self._file = file
        self._offset = timedelta()

    def now(self) -> datetime:
        return (self._at or datetime.now(UTC)) + self.offset

    @property
    def offset(self) -> timedelta:
        """How far the clock was moved in all."""
        if self._file is None:
            return self._offset
        return timedelta(seconds=float(self._file.read_text())) if self._file.exists() else timedelta()

    def move(self, by: timedelta) -> None:
        """Forward, or back with a negative time."""
        offset = self.offset + by
        if self._file is None:
            self._offset = offset
        else:
            self._file.write_text(str(offset.total_seconds()))

    def move_to(self, at: datetime) -> None:
        """A clock that runs goes on from there."""
        self.move(at - self.now())
