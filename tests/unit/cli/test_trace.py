"""A trace as a tree: no span is lost, whatever the viewer has forgotten, and every hop has its
times.
"""

from dataclasses import replace

from rich.console import Console

from waypost.cli.trace.timing import timed_spans
from waypost.cli.trace.tree import tree_of
from waypost.cli.trace.viewer import Span

REQUEST = Span(
    id="request",
    parent_id=None,
    service="users",
    process="api",
    name="POST /signup",
    kind="SERVER",
    started_us=1_000_000,
    duration_us=5_000,
    is_statement=False,
    error=None,
)
STATEMENT = replace(
    REQUEST, id="1", parent_id="request", name="select", is_statement=True, started_us=1_001_000, duration_us=400
)
SEND = replace(REQUEST, id="send", parent_id="request", process="worker", name="send users.user", started_us=1_007_000)
PROCESS = replace(
    SEND, id="process", parent_id="send", service="billing", name="process users.user", started_us=3_250_000
)


def test_each_hop_tells_when_it_began_how_long_it_took_and_what_it_waited() -> None:
    spans = [PROCESS, SEND, replace(STATEMENT, id="2"), REQUEST, STATEMENT]
    assert printed(spans) == [
        "users api  POST /signup  +0.0 ms, 5.0 ms",
        "2 database calls, 0.8 ms together",
        "users worker  send users.user  +7.0 ms, 5.0 ms, waited 2.0 ms",
        "billing worker  process users.user  +2.25 s, 5.0 ms, waited 2.24 s",
    ]


def test_an_outbox_row_waits_also_for_the_relay_of_the_same_process() -> None:
    sent = replace(PROCESS, id="onward", parent_id="process", started_us=3_262_000)
    within = replace(PROCESS, id="within", parent_id="process", started_us=3_251_000)
    waited = {each.span.id: each.waited_us for each in timed_spans([PROCESS, sent, within])}
    assert waited == {"process": None, "onward": 7_000, "within": None}


def test_a_span_whose_parent_was_forgotten_stands_at_the_top_and_says_so() -> None:
    assert printed([PROCESS, REQUEST]) == [
        "users api  POST /signup  +0.0 ms, 5.0 ms",
        "billing worker  process users.user  +2.25 s, 5.0 ms  (its parent is not in the viewer)",
    ]


def test_a_span_without_times_is_told_and_puts_no_other_out_of_time() -> None:
    unknown = replace(SEND, started_us=None, duration_us=None, error="KafkaError")
    assert printed([unknown, REQUEST, PROCESS]) == [
        "users api  POST /signup  +0.0 ms, 5.0 ms",
        "users worker  send users.user  +? ms, ? ms  failed: KafkaError",
        "billing worker  process users.user  +2.25 s, 5.0 ms",
    ]


def test_a_clock_that_is_behind_makes_nobody_wait_less_than_nothing() -> None:
    behind = replace(SEND, started_us=999_000)
    (first, _) = timed_spans([REQUEST, behind])
    assert (first.span.id, first.after_us, first.waited_us) == ("send", 0, 0)


def printed(spans: list[Span]) -> list[str]:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(tree_of("the trace", timed_spans(spans)))
    first, *lines = captured.get().splitlines()
    assert first == "the trace"
    return [each.strip("│├└─ ") for each in lines]
