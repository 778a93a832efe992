"""`waypost trace EVENT_ID`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.events.stored import find_event
from waypost.cli.output import AsJson, console, end_with, print_to_stderr, to_json
from waypost.cli.parsers import parse_id
from waypost.cli.trace.timing import Timed, timed_spans
from waypost.cli.trace.tree import tree_of
from waypost.cli.trace.viewer import MEMORY_HINT, Span, Viewer
from waypost.kernel.errors import NotFound, WaypostError
from waypost.telemetry.tracing import trace_id_of


def trace(
    event_id: Annotated[UUID, typer.Argument(parser=parse_id, help="Id of the event: header `ce_id` of its record.")],
    as_json: AsJson = False,
) -> None:
    """Shows the trace of an event as a tree: the spans of each process, their start, duration and
    waiting time.

    Also prints the pages of later traces in which the event was retried, replayed or rebuilt.
    """
    asyncio.run(show_trace(event_id, as_json=as_json))


async def show_trace(event_id: UUID, *, as_json: bool = False) -> None:
    found = await find_event(event_id)
    trace_id = trace_id_of(found.row.metadata.get("traceparent"))
    if trace_id is None:
        raise NotFound(f"event {event_id} has no trace: tracing was disabled when it was recorded")
    viewer = Viewer.of_the_stack()
    spans: Sequence[Span] = ()
    later: Sequence[str] = ()
    problems: list[WaypostError] = []
    try:
        later = await viewer.later(trace_id)
        spans = await viewer.spans(trace_id)
    except WaypostError as error:
        problems.append(error)
    page = viewer.page(trace_id)
    tree = timed_spans(spans)
    handled_again = [viewer.page(later_id) for later_id in later]
    if as_json:
        document = {"event_id": event_id, "trace_id": trace_id, "page": page, "handled_again": handled_again}
        console.print(to_json({**document, "spans": [_as_dict(timed) for timed in tree]}), soft_wrap=True)
    else:
        console.print(
            "\n".join([page, *(f"handled again in {later_page}" for later_page in handled_again)]), soft_wrap=True
        )
        if tree:
            title = f"{found.row.type} {event_id}, trace {trace_id}, {len(tree)} spans"
            console.print(tree_of(title, tree), soft_wrap=not console.is_terminal)
    if missing := {timed.span.parent_id for timed in tree if timed.is_orphan}:
        parents = "1 parent span is" if len(missing) == 1 else f"{len(missing)} parent spans are"
        print_to_stderr(f"{parents} not in the viewer. {MEMORY_HINT}")
    end_with(problems)


def _as_dict(timed: Timed) -> dict[str, Any]:
    times = {"after_us": timed.after_us, "waited_us": timed.waited_us, "is_orphan": timed.is_orphan}
    return {**asdict(timed.span), **times}
