"""The limit of the spans that continue traces of other processes: those of records and jobs. A
replay of sampled records costs no more than the limit.
"""

from waypost.telemetry import metrics
from waypost.telemetry.token_bucket import TokenBucket
from waypost.telemetry.tracing import SPANS_PER_SECOND

SPAN_LIMIT = TokenBucket(SPANS_PER_SECOND)
"""`waypost.telemetry.tracing.configure` changes it."""


def grant_spans(sampled: int = 1) -> int:
    """Returns how many spans may be recorded now, for this number of records or jobs of sampled
    traces, and counts the others as dropped.
    """
    granted = SPAN_LIMIT.grant(sampled)
    if granted < sampled:
        metrics.SPANS_DROPPED.inc(sampled - granted)
    return granted
