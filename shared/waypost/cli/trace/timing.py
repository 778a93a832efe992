"""Start of each span relative to the trace, and the time between a parent's end and its child's
start.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost.cli.trace.viewer import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    span: Span
    after_us: int | None
    """Microseconds since the first span of the trace. None if the viewer stores no start."""
    waited_us: int | None
    """Microseconds from the end of the parent to the start of this span, if the span runs in
    another process or after its parent. None for every other span.
    """
    is_orphan: bool
    """True if the viewer does not store the parent."""


def timed_spans(spans: Sequence[Span]) -> Sequence[Timed]:
    """The spans with their times, in order of their start. Spans without a start are last."""
    by_id = {span.id: span for span in spans}
    first_us = min((span.started_us for span in spans if span.started_us is not None), default=0)
    return [
        Timed(
            span=span,
            after_us=None if span.started_us is None else span.started_us - first_us,
            waited_us=_waited(span, by_id.get(span.parent_id or "")),
            is_orphan=span.parent_id is not None and span.parent_id not in by_id,
        )
        for span in sorted(spans, key=lambda span: (span.started_us is None, span.started_us))
    ]


def _waited(span: Span, parent: Span | None) -> int | None:
    if parent is None or span.started_us is None or parent.started_us is None:
        return None
    gap = span.started_us - parent.started_us - (parent.duration_us or 0)
    if (span.service, span.process) != (parent.service, parent.process):
        return max(0, gap)  # negative if the child starts before the parent's end, or if two clocks differ
    return gap if gap > 0 else None
