"""The records of a rolling upgrade: the work of its processes, and the answers to its callers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.storm.traffic import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """The end of a process."""

    process: str
    release: str
    code: int
    """Negative when a signal ended the process."""
    stopped: bool
    """Whether the upgrade has stopped it."""
    last_lines: str
    """Last lines of its log, at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A process that was replaced. Each work is by name, in records, jobs or requests."""

    process: str
    beside: Mapping[str, int]
    """Work of the new process that ran beside the old one, until the old one stopped."""
    successor: Mapping[str, int]
    """Work of the new process in the old one's place, while the other one ran too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStop:
    """A stop of an API under load."""

    process: str
    release: str
    open_requests: int
    """Requests that it had received and not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRecord:
    processes: Sequence[str]
    """Processes to be replaced."""
    operations: Sequence[str]
    """Names of the operations that must succeed."""
    replacements: Sequence[Replacement] = ()
    exits: Sequence[Exit] = ()
    api_stops: Sequence[ApiStop] = ()
    calls: Sequence[Call] = field(default=(), repr=False)
    abandoned: Sequence[str] = ()
    """Waits of users that ended without the result."""
    succeeded: Mapping[str, int] = field(default_factory=dict)
    """Operations that succeeded after the last replacement, by name."""
    failure: str = ""
    """The reason for which the upgrade ended early."""
