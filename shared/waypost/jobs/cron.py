"""Cron lines with a time zone: `30 2 * * 1`, `Europe/Berlin`.

cronsim parses the line, as Debian's cron does, and walks the wall clock. The step from the wall
clock to a moment is taken here: cronsim's own step skips ticks where the clock changes by half an
hour. Clock changes follow Debian's rules:

| the line | skipped wall time (clock forward) | repeated wall time (clock back) |
|---|---|---|
| minute or hour field begins with `*`, as in `*/15 * * * *` | no tick | a tick in each pass |
| any other, as in `30 2 * * *` | one tick at the first moment after the gap | one tick, in the first pass |
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
    """Raises Misconfigured for a line that cannot be read or never comes due, and for an unknown
    time zone.
    """

    line: str
    zone: str = "UTC"
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", " ".join(self.line.split()))
        object.__setattr__(self, "_zone", _known(self.zone))
        _require_readable(self.line)

    def __str__(self) -> str:
        return f"{self.line} {self.zone}"

    def latest_tick(self, now: datetime) -> datetime:
        """The last moment, up to `now`, at which the line was due; UTC."""
        local, best = now.astimezone(self._zone), None
        wall = local.replace(tzinfo=None, fold=0)
        # In the second pass of a repeated hour, ticks of the first pass lie in the past with a
        # later wall time.
        for due in self._walls(wall + self._repeated(local), reverse=True):
            past = [each for each in self._moments(due) if each <= now]
            best = max([*past, *([best] if best else [])], default=None)
            if past and due <= wall:
                break
        if best is None:
            raise Misconfigured(f"cron line {self.line!r} was not due in the 50 years before {now.isoformat()}")
        return best

    def next_tick(self, now: datetime) -> datetime:
        """The first moment after `now` at which the line is due; UTC."""
        local, best = now.astimezone(self._zone), None
        wall = local.replace(tzinfo=None, fold=0)
        for due in self._walls(wall - self._repeated(local), reverse=False):
            future = [each for each in self._moments(due) if each > now]
            best = min([*future, *([best] if best else [])], default=None)
            if future and due > wall:
                break
        if best is None:
            raise Misconfigured(f"cron line {self.line!r} is not due in the 50 years after {now.isoformat()}")
        return best

    def _walls(self, start: datetime, *, reverse: bool) -> Iterator[datetime]:
        """The wall times of the line: from `start` backwards, or after `start`."""
        if reverse:  # cronsim leaves its start out
            start = start.replace(microsecond=0) + _SECOND
        return iter(CronSim(self.line, start, reverse=reverse))

    def _moments(self, wall: datetime) -> list[datetime]:
        """When the clock of the zone shows this: once, twice, or never."""
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
        """How much wall time is repeated around this one; mostly none."""
        first, second = local.replace(fold=0), local.replace(fold=1)
        return max((first.utcoffset() or timedelta()) - (second.utcoffset() or timedelta()), timedelta())


def _exists(local: datetime) -> bool:
    return local == local.astimezone(UTC).astimezone(local.tzinfo)


def _end_of_gap(local: datetime) -> datetime:
    while not _exists(local):
        local += _MINUTE
    return local.astimezone(UTC)


def _known(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise Misconfigured(
            f"there is no time zone {zone!r}; name one of the IANA database, as Europe/Berlin"
        ) from error


def _require_readable(line: str) -> None:
    given = len(line.split())
    if given != 5:
        raise Misconfigured(f"cron line {line!r} has {given} fields, not five: {_FIELDS}")
    try:
        for reverse in (False, True):
            next(CronSim(line, _ANY_DAY, reverse=reverse))
    except StopIteration:
        raise Misconfigured(f"cron line {line!r} never comes due: no day fits its day and month") from None
    except (CronSimError, ValueError) as error:
        wrong = str(error).removeprefix("Bad ") if isinstance(error, CronSimError) else "a number"
        raise Misconfigured(f"cron line {line!r}: wrong {wrong}; the fields are {_FIELDS}") from error
