"""When a job runs by the clock: daily, at an interval, or by a cron line."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.cron import Cron
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import TenantId

ListTenants = Callable[[AsyncConnection], Awaitable[Sequence[TenantId]]]
"""Out of the service's directory (`waypost.jobs.tenant_directory`)."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One job per tenant and tick. Give one of `at`, `every` and `cron`.

    `at` is a time of day ("02:00") in UTC; `every` is an interval, counted from midnight UTC of
    1970-01-01; `cron` is a line of five fields ("30 2 * * 1") on the wall clock of `zone`, and
    `waypost.jobs.cron` says what it does when that clock is changed.
    """

    job: str
    _: KW_ONLY
    at: str | None = None
    every: timedelta | None = None
    cron: str | None = None
    zone: str | None = None
    """Of the cron line: "Europe/Berlin"; UTC unless given."""
    tenants: ListTenants | None = None
    """Whose job it is at a tick; every open tenant's unless given."""
    _line: Cron | None = field(init=False, repr=False, default=None)
    """Of `at` and of `cron`."""

    def __post_init__(self) -> None:
        if [self.at, self.every, self.cron].count(None) != 2:
            raise Misconfigured(f"schedule of {self.job}: give one of at, every and cron")
        if self.zone is not None and self.cron is None:
            raise Misconfigured(
                f"schedule of {self.job}: at and every count in UTC; for a time of day in {self.zone} write a cron line"
            )
        if self.every is not None and self.every < timedelta(seconds=1):
            raise Misconfigured(f"schedule of {self.job}: every {self.every} is more often than once a second")
        object.__setattr__(self, "_line", self._cron())

    @property
    def name(self) -> str:
        """Of its row, which holds its last tick: a schedule that is changed begins anew."""
        return f"{self.job} {self.when}"

    @property
    def when(self) -> str:
        """As `waypost jobs declared` prints it."""
        if self.every is not None:
            return f"every {_in_units(self.every)}"
        return f"at {self.at} UTC" if self.at is not None else str(self._line)

    def latest_tick(self, now: datetime) -> datetime:
        """The last moment, up to `now`, at which it was due."""
        if self._line is not None:
            return self._line.latest_tick(now)
        return now - (now - _EPOCH) % (self.every or timedelta.max)

    def next_tick(self, now: datetime) -> datetime:
        """The first moment after `now` at which it is due."""
        if self._line is not None:
            return self._line.next_tick(now)
        return self.latest_tick(now) + (self.every or timedelta.max)

    def _cron(self) -> Cron | None:
        """Raises Misconfigured, as `Cron` does, and names the job."""
        try:
            if self.at is not None:
                return Cron(_daily(self.at))
            return Cron(self.cron, self.zone or "UTC") if self.cron is not None else None
        except Misconfigured as error:
            raise Misconfigured(f"schedule of {self.job}: {error}") from error


def _daily(at: str) -> str:
    try:
        moment = datetime.strptime(at, "%H:%M")  # noqa: DTZ007 - a time of day
    except ValueError as error:
        raise Misconfigured(f"at {at!r} is not a time of day, as 02:00") from error
    return f"{moment.minute} {moment.hour} * * *"


def _in_units(interval: timedelta) -> str:
    """1 h 30 min"""
    parts: list[str] = []
    for unit, size in _UNITS:
        whole, interval = divmod(interval, size)
        parts += [f"{whole} {unit}"] if whole else []
    return " ".join(parts + ([f"{interval.total_seconds():g} s"] if interval else []))
