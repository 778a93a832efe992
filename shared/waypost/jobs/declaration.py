"""Declarations of a service's jobs and schedules, at the end of its `jobs` module.

JOBS = [Job(charge_invoice), Job(generate_report, timeout_seconds=300)]
SCHEDULE = [
    Scheduled("cleanup_expired", at="02:00"),
    Scheduled("resolve_attempts", every=timedelta(minutes=1), tenants=waiting_tenants),
    Scheduled("report_week", cron="30 2 * * 1", zone="Europe/Berlin"),
]
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from waypost.jobs.arguments import from_stored, from_text, parameters_of, to_stored
from waypost.jobs.parameter import JsonArgument, Parameter
from waypost.jobs.scheduled import ListTenants, Scheduled
from waypost.kernel.backoff import DEFAULT_BACKOFF, Backoff
from waypost.kernel.errors import Invalid, Misconfigured
from waypost.ports.jobs import JobArgument

__all__ = ["Handler", "Job", "JobRegistry", "ListTenants", "Scheduled"]

Handler = Callable[..., Awaitable[Any]]
"""`async def charge_invoice(job: JobContext, invoice_id: UUID)`: idempotent; loads the current
state of its ids; returns the result.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of background work: its handler, and how often and how long an attempt may run."""

    handler: Handler
    _: KW_ONLY
    name: str = ""
    """The handler's name by default. Stored with queued jobs, so that it must not change with the
    function's.
    """
    max_attempts: int = 5
    only_once: str = ""
    """The reason why the job must not be retried; `max_attempts` is then 1."""
    timeout_seconds: float = 60.0
    """Time limit of one attempt."""
    retry: Backoff = DEFAULT_BACKOFF
    """Pauses after attempts that count. Outages have pauses of their own, of at most a minute."""
    priority: int = 0
    """A due job with a higher priority is claimed first; an enqueue may set another one."""
    max_at_once: int | None = None
    """Limit of jobs of this kind that one process runs at the same time, so that they leave slots
    for others. Set it for jobs that wait for an external system, or that run for long.
    """
    keeps_result: bool = True
    """Set False for frequent jobs whose result is never read: the row is deleted on success, and
    the idempotency key can be reused.
    """
    parameters: Mapping[str, Parameter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.handler.__name__)
        object.__setattr__(self, "parameters", parameters_of(self.handler))
        if self.only_once:
            object.__setattr__(self, "max_attempts", 1)
        elif self.max_attempts < 2:
            raise Misconfigured(
                f"job {self.name}: with max_attempts={self.max_attempts} one lost connection makes it dead. Allow two attempts"
                " or more, or give the reason for a single attempt: only_once='…'"
            )
        if self.timeout_seconds <= 0:
            raise Misconfigured(f"job {self.name}: timeout_seconds must be above zero")
        if self.max_at_once is not None and self.max_at_once < 1:
            raise Misconfigured(
                f"job {self.name}: with max_at_once={self.max_at_once} it would never run; allow 1 or more"
            )

    def restore(self, stored: Mapping[str, JsonArgument]) -> dict[str, JobArgument]:
        """The handler's arguments from the job's row. Raises Permanent if they do not fit."""
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

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def __getitem__(self, name: str) -> Job:
        return self._jobs[name]

    def encode(self, name: str, arguments: Mapping[str, JobArgument]) -> dict[str, JsonArgument]:
        """The arguments in stored form. Raises Invalid for an unknown job, or for arguments that
        its handler does not take.
        """
        return to_stored(name, self._known(name).parameters, arguments)

    def read(self, name: str, arguments: Mapping[str, JsonArgument]) -> dict[str, JobArgument]:
        """The arguments from an operator's text. Raises Invalid as `encode` does, and for text that
        is not valid for its parameter's type.
        """
        return from_text(name, self._known(name).parameters, arguments)

    def _known(self, name: str) -> Job:
        job = self._jobs.get(name)
        if job is None:
            raise Invalid(
                f"job {name!r} is not declared: add it to the service's JOBS; declared jobs: {', '.join(self._jobs) or 'none'}",
                job=name,
            )
        return job
