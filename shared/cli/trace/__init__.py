"""`waypost trace EVENT_ID`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer

from shared.cli.events.found import find_event
from shared.cli.output import AsJson, console, end_with, to_json
from shared.cli.trace.tree import tree_of
from shared.cli.trace.viewer import Span, Viewer
from shared.kernel.errors import NotFound, WaypostError
from shared.telemetry.tracing import trace_id_of


def trace(
    event_id: Annotated[UUID, typer.Argument(help="`ce_id` of its record.")],
    as_json: AsJson = False,
) -> None:
    """The trace that an event belongs to, from the request that caused it: its page in the viewer, and its spans.

    And the pages of later traces in which it was handled once more.
    """
    asyncio.run(_trace(event_id, as_json=as_json))


async def _trace(event_id: UUID, *, as_json: bool) -> None:
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
    handled_again = [viewer.page(each) for each in later]
    if as_json:
        whole = {**told, "handled_again": handled_again, "spans": [asdict(each) for each in spans]}
        console.print(to_json(whole), soft_wrap=True)
    else:
        console.print(told["page"], soft_wrap=True)
        for page in handled_again:
            console.print(f"handled again in {page}", soft_wrap=True)
        if spans:
            console.print(tree_of(f"{found.kept.type} {event_id}, trace {trace_id}", spans))
    end_with(problems)
