"""How a service declares its background work; the tables at the foot of its `jobs`.

JOBS = [Job(charge_invoice), Job(generate_report, timeout_seconds=300)]
SCHEDULE = [Scheduled("cleanup_expired", at="02:00"), Scheduled("resolve_attempts", every=timedelta(minutes=1), tenants=those_who_wait)]
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.arguments import JsonScalar, Parameter, from_stored, from_text, parameters_of, to_stored
from waypost.kernel.backoff import DEFAULT_BACKOFF, Backoff
from waypost.kernel.errors import Invalid, Misconfigured
from waypost.kernel.ids import TenantId
from waypost.ports.jobs import Scalar

Handler = Callable[..., Awaitable[Any]]
"""`async def charge_invoice(job: JobContext, invoice_id: UUID)`: idempotent; reads again what its ids name; returns the result."""

ListTenants = Callable[[AsyncConnection], Awaitable[Sequence[TenantId]]]
"""Out of the service's directory (`waypost.jobs.tenant_directory`)."""


@dataclass(frozen=True, slots=True)
class Job:
    handler: Handler
    _: KW_ONLY
    name: str = ""
    """The handler's own name unless given. Queued jobs bear it: it outlives the function's."""
    max_attempts: int = 5
    only_once: str = ""
    """Why it may be tried a single time; `max_attempts` is 1 then."""
    timeout_seconds: float = 60.0
    """For one attempt."""
    retry: Backoff = DEFAULT_BACKOFF
    keeps_result: bool = True
    """False for what is done often and asked for by nobody: complete, it leaves no row, and the key of its enqueue is free again."""
    parameters: Mapping[str, Parameter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.handler.__name__)
        object.__setattr__(self, "parameters", parameters_of(self.handler))
        if self.only_once:
            object.__setattr__(self, "max_attempts", 1)
        elif self.max_attempts < 2:
            raise Misconfigured(
                f"job {self.name}: with max_attempts={self.max_attempts} one lost connection ends it as dead. Allow it two tries or"
                " more, or say why it may be tried a single time: only_once='…'"
            )
        if self.timeout_seconds <= 0:
            raise Misconfigured(f"job {self.name}: timeout_seconds must be above zero")

    def restore(self, stored: Mapping[str, JsonScalar]) -> dict[str, Scalar]:
        """The handler's arguments from the job's row. Raises Permanent where they do not fit."""
        return from_stored(self.name, self.parameters, stored)


class JobRegistry:
    """The jobs of one service, by name."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs: dict[str, Job] = {}
        for job in jobs:
            if job.name in self._jobs:
                raise Misconfigured(f"two jobs are named {job.name}")
            self._jobs[job.name] = job

    @property
    def names(self) -> Sequence[str]:
        return list(self._jobs)

    def __getitem__(self, name: str) -> Job:
        return self._jobs[name]

    def encode(self, name: str, arguments: Mapping[str, Scalar]) -> dict[str, JsonScalar]:
        """The arguments as they are stored. Raises Invalid for an unknown job, or arguments that its handler does not take."""
        return to_stored(name, self._known(name).parameters, arguments)

    def read(self, name: str, arguments: Mapping[str, JsonScalar]) -> dict[str, Scalar]:
        """The arguments as a person typed them. Raises Invalid as `encode` does, and for text that is nothing of its parameter's kind."""
        return from_text(name, self._known(name).parameters, arguments)

    def _known(self, name: str) -> Job:
        job = self._jobs.get(name)
        if job is None:
            raise Invalid(f"there is no job {name!r}; declared are: {', '.join(self._jobs) or 'none'}", job=name)
        return job


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One job per tenant, daily `at` a time of day ("02:00"), or `every` interval counted from midnight 1970; UTC, both."""

    job: str
    _: KW_ONLY
    at: str | None = None
    every: timedelta | None = None
    tenants: ListTenants | None = None
    """Whose job it is at a tick; every open tenant's unless given."""

    def __post_init__(self) -> None:
        if (self.at is None) == (self.every is None):
            raise Misconfigured(f"schedule of {self.job}: give either at or every")
        if self.at is not None:
            time.fromisoformat(self.at)
        if self.every is not None and self.every < timedelta(seconds=1):
            raise Misconfigured(f"schedule of {self.job}: every {self.every} is more often than once a second")

    @property
    def name(self) -> str:
        return f"{self.job} {self.when}"

    @property
    def when(self) -> str:
        return f"at {self.at}" if self.at else f"every {self.every}"

    def latest_tick(self, now: datetime) -> datetime:
        """The last moment, up to `now`, at which it was due."""
        if self.every is not None:
            return now - (now - datetime.fromtimestamp(0, UTC)) % self.every
        today = datetime.combine(now.astimezone(UTC), time.fromisoformat(self.at or ""), UTC)
        return today if today <= now else today - timedelta(days=1)

    def next_tick(self, now: datetime) -> datetime:
        return self.latest_tick(now) + (self.every or timedelta(days=1))
