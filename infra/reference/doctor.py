"""Checks of `waypost doctor`: the tables of checks in the code, with their entries of
`doctor.yaml`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.reference.catalogs import read_catalog
from infra.reference.markdown import code, page, table
from infra.stack.places import CHECKOUT
from waypost.cli.doctor import AUDITED_EVENTS
from waypost.kernel.errors import Misconfigured
from waypost.operations.doctor import consumers, jobs, outbox, schemas, server
from waypost.operations.doctor.cluster import TOPIC_CHECKS
from waypost.operations.doctor.examination import SERVER_CHECKS, SERVICE_CHECKS
from waypost.operations.doctor.finding import NEAR_LIMIT

CATALOG = Path(__file__).with_name("doctor.yaml")
HEADER = ("check", "looks for", "threshold", "remedy")

TITLES: Mapping[str, str] = {
    "kafka": "The cluster",
    "postgresql": "Each PostgreSQL server",
    "services": "Each service",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The entry of one check."""

    looks_for: str
    remedy: str
    threshold: str = "–"


def doctor_page() -> str:
    described, limits = catalog(), thresholds()
    return page(
        "Checks of `waypost doctor`",
        "`waypost doctor [SERVICE]` makes these checks, in this order. It prints a line with the problem and a line with the"
        " remedy for each finding, and exits with 1 if there is one. A note may be intended, and does not count. A check"
        " that fails is a finding, too. [On call](../guide/on-call.md) begins with a symptom instead.",
        *(f"## {TITLES[subject]}\n\n{table(HEADER, _rows(entries, limits))}" for subject, entries in described.items()),
    )


def checks() -> Mapping[str, Sequence[str]]:
    """The names of the checks in the code, by subject. The command itself makes the first one of
    the cluster and of a service, and passes the events to the last one of a service.
    """
    return {
        "kafka": ["broker", *TOPIC_CHECKS],
        "postgresql": [*SERVER_CHECKS],
        "services": ["database", *SERVICE_CHECKS, "versions"],
    }


def catalog() -> Mapping[str, Mapping[str, Described]]:
    """The entries, in the order of the checks. Raises Misconfigured if a check has none, or an
    entry has no check.
    """
    entries: Mapping[str, Mapping[str, Any]] = read_catalog(CATALOG)
    where = CATALOG.relative_to(CHECKOUT) if CATALOG.is_relative_to(CHECKOUT) else CATALOG
    found: dict[str, Mapping[str, Described]] = {}
    for subject, names in checks().items():
        described = entries.get(subject, {})
        if missing := [name for name in names if name not in described]:
            raise Misconfigured(
                f"checks of `waypost doctor` without a description: {', '.join(missing)}. Add an entry for each to {where}"
            )
        if unknown := sorted(described.keys() - set(names)):
            raise Misconfigured(f"{where} describes checks that do not exist: {', '.join(unknown)}. Remove them")
        found[subject] = {name: Described(**described[name]) for name in names}
    return found


def thresholds() -> Mapping[str, str]:
    """The values of the code that the entries name."""
    return {
        "connections_full": f"{server.FULL:.0%}",
        "long_transaction": server.LONG_TRANSACTION,
        "long_prepared": server.LONG_PREPARED,
        "frozen_rebuild": schemas.FROZEN,
        "outbox_late": f"{outbox.LATE.total_seconds():.0f} seconds",
        "near_limit": f"{NEAR_LIMIT:.0%}",
        "lag_after": f"{consumers.BEHIND.total_seconds():.0f} seconds",
        "parked_after": consumers.PARKED,
        "jobs_late": jobs.LATE,
        "lease_lapsed": jobs.LAPSED,
        "audited_events": f"{AUDITED_EVENTS:,}",
    }


def _rows(entries: Mapping[str, Described], limits: Mapping[str, str]) -> Iterator[Sequence[str]]:
    for name, entry in entries.items():
        yield code(name), entry.looks_for, entry.threshold.format(**limits), entry.remedy
