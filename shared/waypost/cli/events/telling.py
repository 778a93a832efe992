"""One record of a topic, told in a line."""

from waypost.cli.output import moment
from waypost.operations.records import Seen
from waypost.telemetry.tracing import trace_id_of

NARROW = "\n    "


def line(seen: Seen, width: int | None) -> str:
    """One line; where a terminal of `width` columns is too narrow for it, the ids go below, two by
    two.
    """
    about = seen.attributes
    if about is None:
        return f"{moment(seen.written_at)}  {seen.place}  no event of ours: {seen.problem}"
    parts = [
        f"{moment(seen.written_at)}  {seen.place:<26}  {about.event_type}",
        f"aggregate={about.aggregate_id} version={about.sequence or '-'}",
        f"event={about.event_id}",
        f"tenant={about.tenant_id} trace={trace_id_of(about.cause.traceparent) or '-'}",
    ]
    whole = "  ".join(parts)
    return whole if width is None or len(whole) <= width else NARROW.join(parts)
