"""Findings of one check, and the service that the checks examine."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from waypost.ports.brokers import Brokers
from waypost.postgres.reads import Reads

NEAR_LIMIT = 0.8
"""Share of a limit from which an operator should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fact that needs an operator."""

    problem: str
    remedy: str
    """The command that heals it, or the change that an operator makes."""
    is_note: bool = False
    """True for a fact that may be intended: it is shown, and does not fail the examination."""


def republish(topic: str) -> str:
    """The command that publishes the missing events of a topic."""
    return f"waypost events republish {topic} --reason '…'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedService:
    name: str
    reads: Reads
    """A session of the role `<service>_ops`."""
    bootstrap: Brokers | None
    """The address of the broker. None if no broker answers: then the checks do not ask it."""
    start: str
    """The command that starts a process of the service; the role follows."""
    connection_budget: int = 0
    """See `ProcessSettings.connection_budget`."""
    max_dead_letters: int = 10_000
    outbox_cap_rows: int = 500_000


Findings = Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A finding with its place."""

    subject: str
    """The name of a service, `postgresql` or `kafka`."""
    check: str
    problem: str
    remedy: str
    is_note: bool


@dataclass(slots=True)
class Result:
    """The diagnoses of one examination."""

    checks: int = 0
    diagnoses: list[Diagnosis] = field(default_factory=list)

    def add(self, subject: str, check: str, findings: Findings) -> None:
        self.checks += 1
        self.diagnoses += [
            Diagnosis(
                subject=subject,
                check=check,
                problem=finding.problem,
                remedy=finding.remedy,
                is_note=finding.is_note,
            )
            for finding in findings
        ]
