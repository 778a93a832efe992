"""The limit of the spans that continue traces of other processes: those of records and jobs. A
replay of sampled records costs no more than the limit.
"""

from waypost.telemetry import metrics
from waypost.telemetry.rate_limit import RateLimit
from waypost.telemetry.tracing import SPANS_PER_SECOND

CONTINUED_SPANS = RateLimit(SPANS_PER_SECOND)
"""`waypost.telemetry.tracing.configure` changes it."""


def may_record(sampled: int = 1) -> int:
    """How many spans may be recorded now, for this number of records or jobs of sampled traces."""
    granted = CONTINUED_SPANS.take(sampled)
    if granted < sampled:
        metrics.SPANS_LEFT_OUT.inc(sampled - granted)
    return granted
