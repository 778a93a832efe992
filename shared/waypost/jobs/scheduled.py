"""The times of a scheduled job: daily, at an interval, or by a cron line."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.cron import Cron
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import TenantId

ListTenants = Callable[[AsyncConnection], Awaitable[Sequence[TenantId]]]
"""Selects tenants from the service's directory (`waypost.jobs.tenant_directory`)."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One job per tenant and tick. Give one of `at`, `every` and `cron`.

    `at` is a time of day ("02:00") in UTC; `every` is an interval, counted from midnight UTC of
    1970-01-01; `cron` is a line of five fields ("30 2 * * 1") on the wall clock of `zone`;
    `waypost.jobs.cron` defines its behaviour at clock changes.
    """

    job: str
    _: KW_ONLY
    at: str | None = None
    every: timedelta | None = None
    cron: str | None = None
    zone: str | None = None
    """Time zone of the cron line: "Europe/Berlin"; UTC by default."""
    tenants: ListTenants | None = None
    """Tenants of a tick; every open tenant by default."""
    skip_if_queued: bool = False
    """Whether a tick skips tenants whose job of an earlier tick is still queued. Set it where a
    job does all the work that is due: after an outage, one job per tenant is enough. If the queued
    job dies, its work waits for the tick after that.
    """
    _line: Cron | None = field(init=False, repr=False, default=None)
    """The line of `at` or `cron`."""

    def __post_init__(self) -> None:
        if [self.at, self.every, self.cron].count(None) != 2:
            raise Misconfigured(f"schedule of {self.job}: set exactly one of `at`, `every` and `cron`")
        if self.zone is not None and self.cron is None:
            raise Misconfigured(
                f"schedule of {self.job}: at and every use UTC; for a time of day in {self.zone} use a cron line"
            )
        if self.every is not None and self.every < timedelta(seconds=1):
            raise Misconfigured(f"schedule of {self.job}: every {self.every} is more often than once a second")
        object.__setattr__(self, "_line", self._cron())

    @property
    def name(self) -> str:
        """Key of the row with its last tick: a changed schedule starts again."""
        return f"{self.job} {self.when}"

    @property
    def when(self) -> str:
        """The times, as `waypost jobs declared` prints them."""
        if self.every is not None:
            return f"every {_in_units(self.every)}"
        return f"at {self.at} UTC" if self.at is not None else str(self._line)

    def latest_tick(self, now: datetime) -> datetime:
        """The last tick up to `now`."""
        if self._line is not None:
            return self._line.latest_tick(now)
        return now - (now - _EPOCH) % (self.every or timedelta.max)

    def next_tick(self, now: datetime) -> datetime:
        """The first tick after `now`."""
        if self._line is not None:
            return self._line.next_tick(now)
        return self.latest_tick(now) + (self.every or timedelta.max)

    def _cron(self) -> Cron | None:
        """The cron line, if any. Raises Misconfigured as `Cron` does, with the job's name."""
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
        raise Misconfigured(f"at {at!r} is not a time of day such as 02:00") from error
    return f"{moment.minute} {moment.hour} * * *"


def _in_units(interval: timedelta) -> str:
    """The interval in units: 1 h 30 min."""
    parts: list[str] = []
    for unit, size in _UNITS:
        whole, interval = divmod(interval, size)
        parts += [f"{whole} {unit}"] if whole else []
    return " ".join(parts + ([f"{interval.total_seconds():g} s"] if interval else []))
