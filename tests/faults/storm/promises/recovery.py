"""Recovery: once the faults are over, everything comes to its end without a hand."""

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.promises.finding import Finding, finding


def nothing_was_left(evidence: Evidence) -> Finding:
    left = [f"{count} {what}" for what, count in evidence.settled.left.items()]
    remark = (
        f"quiet {evidence.settled.seconds:.0f} s after the last request; last came {evidence.settled.last or 'nothing'}"
    )
    return finding("I7", "lag, outbox, jobs and letters came to 0 by themselves", 1, left, remark)


CHECKS = (nothing_was_left,)
