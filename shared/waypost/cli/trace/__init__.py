"""`waypost trace EVENT_ID`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.events.found import find_event
from waypost.cli.output import AsJson, console, end_with, remark, to_json
from waypost.cli.parsing import an_id
from waypost.cli.trace.timing import Timed, timed
from waypost.cli.trace.tree import tree_of
from waypost.cli.trace.viewer import MEMORY, Span, Viewer
from waypost.kernel.errors import NotFound, WaypostError
from waypost.telemetry.tracing import trace_id_of


def trace(
    event_id: Annotated[UUID, typer.Argument(parser=an_id, help="`ce_id` of its record.")],
    as_json: AsJson = False,
) -> None:
    """The trace that an event belongs to, as a tree: which process did what, when, for how long,
    and what waited in between.

    And the pages of later traces in which it was handled once more.
    """
    asyncio.run(show_trace(event_id, as_json=as_json))


async def show_trace(event_id: UUID, *, as_json: bool = False) -> None:
    found = await find_event(event_id)
    trace_id = trace_id_of(found.kept.metadata.get("traceparent"))
    if trace_id is None:
        raise NotFound(f"event {event_id} belongs to no trace: tracing was off when it was recorded")
    viewer = Viewer.of_the_stack()
    spans: Sequence[Span] = ()
    later: Sequence[str] = ()
    problems: list[WaypostError] = []
    try:
        later = await viewer.later(trace_id)
        spans = await viewer.spans(trace_id)
    except WaypostError as error:
        problems.append(error)
    told: dict[str, Any] = {"event_id": event_id, "trace_id": trace_id, "page": viewer.page(trace_id)}
    tree = timed(spans)
    handled_again = [viewer.page(each) for each in later]
    if as_json:
        whole = {**told, "handled_again": handled_again, "spans": [_told(each) for each in tree]}
        console.print(to_json(whole), soft_wrap=True)
    else:
        console.print(told["page"], soft_wrap=True)
        for page in handled_again:
            console.print(f"handled again in {page}", soft_wrap=True)
        if tree:
            title = f"{found.kept.type} {event_id}, trace {trace_id}, {len(tree)} spans"
            console.print(tree_of(title, tree), soft_wrap=not console.is_terminal)
    if missing := {each.span.parent_id for each in tree if each.is_orphan}:
        those = (
            "1 span that others name as their parent is"
            if len(missing) == 1
            else f"{len(missing)} spans that others name as their parents are"
        )
        remark(f"{those} not in the viewer. {MEMORY}")
    end_with(problems)


def _told(timed: Timed) -> dict[str, Any]:
    times = {"after_us": timed.after_us, "waited_us": timed.waited_us, "is_orphan": timed.is_orphan}
    return {**asdict(timed.span), **times}
