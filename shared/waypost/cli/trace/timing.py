"""When each span of a trace began, and how long its work had waited for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost.cli.trace.viewer import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    span: Span
    after_us: int | None
    """Since the first span of the trace; None where the viewer does not know when it began."""
    waited_us: int | None
    """From the end of its parent to its beginning, for a span that takes up work which another
    left; None for any other.
    """
    is_orphan: bool
    """It names a parent that the viewer does not hold."""


def timed(spans: Sequence[Span]) -> Sequence[Timed]:
    """In the order in which they began, those of unknown times last."""
    by_id = {each.id: each for each in spans}
    begun = min((each.started_us for each in spans if each.started_us is not None), default=0)
    return [
        Timed(
            span=each,
            after_us=None if each.started_us is None else each.started_us - begun,
            waited_us=_waited(each, by_id.get(each.parent_id or "")),
            is_orphan=each.parent_id is not None and each.parent_id not in by_id,
        )
        for each in sorted(spans, key=lambda span: (span.started_us is None, span.started_us))
    ]


def _waited(span: Span, parent: Span | None) -> int | None:
    if parent is None or span.started_us is None or parent.started_us is None:
        return None
    gap = span.started_us - parent.started_us - (parent.duration_us or 0)
    if (span.service, span.process) != (parent.service, parent.process):
        return max(0, gap)  # taken up before the other was done, or two machines' clocks differ
    return gap if gap > 0 else None
