"""The time of a test."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """`waypost.kernel.clock.Clock`. Stands still at `at`; without one it runs with the system's clock.

    It stands still where a test compares times, and runs where the database's own clock takes part (leases, retention).
    """

    def __init__(self, at: datetime | None = None) -> None:
        """Raises ValueError for a time without a time zone."""
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{at} has no time zone; times are aware, in UTC")
        self._at = at
        self._offset = timedelta()

    def now(self) -> datetime:
        return (self._at or datetime.now(UTC)) + self._offset

    def move(self, by: timedelta) -> None:
        """Forward, or back with a negative time."""
        self._offset += by

    def move_to(self, at: datetime) -> None:
        """A clock that runs goes on from there."""
        self._offset += at - self.now()
