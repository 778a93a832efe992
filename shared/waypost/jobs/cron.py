"""Cron lines with a time zone: `30 2 * * 1`, `Europe/Berlin`.

cronsim parses the line as Debian's cron does, and computes wall-clock times. The conversion to UTC
is done here, because cronsim's own skips ticks where the clock changes by half an hour. Clock
changes follow Debian's rules:

| the line | skipped wall time (clock forward) | repeated wall time (clock back) |
|---|---|---|
| minute or hour field begins with `*`, as in `*/15 * * * *` | no tick | a tick in each pass |
| any other, as in `30 2 * * *` | one tick, after the gap | one tick, in the first pass |
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from waypost.kernel.errors import Misconfigured

_FIELDS = "minute hour day-of-month month day-of-week"
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)
_ANY_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line. Raises Misconfigured for a line that is not valid or never due, and for an
    unknown time zone.
    """

    line: str
    zone: str = "UTC"
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", " ".join(self.line.split()))
        object.__setattr__(self, "_zone", _zone_info(self.zone))
        _validate(self.line)

    def __str__(self) -> str:
        return f"{self.line} {self.zone}"

    def latest_tick(self, now: datetime) -> datetime:
        """The last tick up to `now`, in UTC."""
        local, best = now.astimezone(self._zone), None
        wall = local.replace(tzinfo=None, fold=0)
        # In the second pass of a repeated hour, ticks of the first pass are in the past but have a
        # later wall time.
        for due in self._walls(wall + self._repeated(local), reverse=True):
            past = [tick for tick in self._moments(due) if tick <= now]
            best = max([*past, *([best] if best else [])], default=None)
            if past and due <= wall:
                break
        if best is None:
            raise Misconfigured(f"cron line {self.line!r} was not due in the 50 years before {now.isoformat()}")
        return best

    def next_tick(self, now: datetime) -> datetime:
        """The first tick after `now`, in UTC."""
        local, best = now.astimezone(self._zone), None
        wall = local.replace(tzinfo=None, fold=0)
        for due in self._walls(wall - self._repeated(local), reverse=False):
            future = [tick for tick in self._moments(due) if tick > now]
            best = min([*future, *([best] if best else [])], default=None)
            if future and due > wall:
                break
        if best is None:
            raise Misconfigured(f"cron line {self.line!r} is not due in the 50 years after {now.isoformat()}")
        return best

    def _walls(self, start: datetime, *, reverse: bool) -> Iterator[datetime]:
        """Wall-clock times of the line: backwards from `start`, or after it."""
        if reverse:  # cronsim excludes its start
            start = start.replace(microsecond=0) + _SECOND
        return iter(CronSim(self.line, start, reverse=reverse))

    def _moments(self, wall: datetime) -> list[datetime]:
        """The UTC times of a wall-clock time: one, two, or none."""
        first, second = (wall.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        if before == after:
            return [first.astimezone(UTC)]
        if _exists(first):
            passes = [first.astimezone(UTC), second.astimezone(UTC)]
            return passes if self._is_frequent else passes[:1]
        return [] if self._is_frequent else [_end_of_gap(first)]

    @property
    def _is_frequent(self) -> bool:
        minute, hour, *_ = self.line.split()
        return minute.startswith("*") or hour.startswith("*")

    def _repeated(self, local: datetime) -> timedelta:
        """The duration of wall-clock time that is repeated around this time; usually zero."""
        first, second = local.replace(fold=0), local.replace(fold=1)
        return max((first.utcoffset() or timedelta()) - (second.utcoffset() or timedelta()), timedelta())


def _exists(local: datetime) -> bool:
    return local == local.astimezone(UTC).astimezone(local.tzinfo)


def _end_of_gap(local: datetime) -> datetime:
    while not _exists(local):
        local += _MINUTE
    return local.astimezone(UTC)


def _zone_info(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise Misconfigured(
            f"time zone {zone!r} does not exist; use one of the IANA database, for example Europe/Berlin"
        ) from error


def _validate(line: str) -> None:
    count = len(line.split())
    if count != 5:
        raise Misconfigured(f"cron line {line!r} has {count} fields, not five: {_FIELDS}")
    try:
        for reverse in (False, True):
            next(CronSim(line, _ANY_DAY, reverse=reverse))
    except StopIteration:
        raise Misconfigured(f"cron line {line!r} is never due: no day matches its day and month") from None
    except (CronSimError, ValueError) as error:
        wrong = str(error).removeprefix("Bad ") if isinstance(error, CronSimError) else "a number"
        raise Misconfigured(f"cron line {line!r}: wrong {wrong}; the fields are {_FIELDS}") from error
