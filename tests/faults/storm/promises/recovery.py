"""Recovery: after the faults, all work finishes without intervention."""

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.promises.finding import Finding, finding


def nothing_was_left(evidence: Evidence) -> Finding:
    left = [f"{count} {what}" for what, count in evidence.settled.left.items()]
    remark = f"idle {evidence.settled.seconds:.0f} s after the last request; last finished {evidence.settled.last or 'nothing'}"
    return finding("I7", "lag, outbox, jobs and dead letters reached 0 without intervention", 1, left, remark)


CHECKS = (nothing_was_left,)
