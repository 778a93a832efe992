"""The promises of the design. Each is a function of the evidence and returns its violations."""

from collections.abc import Sequence

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.promises import commands, consumers, money, notifications, records, recovery, tenants, views
from tests.faults.storm.promises.finding import Check, Finding

CHECKS: Sequence[Check] = [
    check
    for room in (commands, records, consumers, notifications, money, views, tenants, recovery)
    for check in room.CHECKS
]


def examine(evidence: Evidence) -> Sequence[Finding]:
    """In the order of the promises' numbers."""
    return sorted((check(evidence) for check in CHECKS), key=lambda found: int(found.promise.removeprefix("I")))


__all__ = ["examine"]
