"""A trace as a tree: it has every span that the viewer returns, also without its parent, and the
times of every hop.
"""

from dataclasses import replace

from rich.console import Console

from waypost.cli.trace.timing import timed_spans
from waypost.cli.trace.tree import tree_of
from waypost.cli.trace.viewer import Span, Statement

REQUEST = Span(
    id="request",
    parent_id=None,
    service="users",
    process="api",
    name="POST /signup",
    kind="SERVER",
    started_us=1_000_000,
    duration_us=5_000,
    error=None,
)
STATEMENT = Statement(name="select users", duration_us=400)
SEND = replace(REQUEST, id="send", parent_id="request", process="worker", name="send users.user", started_us=1_007_000)
PROCESS = replace(
    SEND, id="process", parent_id="send", service="billing", name="process users.user", started_us=3_250_000
)


def test_each_hop_shows_start_duration_and_wait() -> None:
    spans = [PROCESS, SEND, replace(REQUEST, statements=[STATEMENT, STATEMENT])]
    assert printed(spans) == [
        "users api  POST /signup  +0.0 ms, 5.0 ms",
        "2 database calls, 0.8 ms",
        "users worker  send users.user  +7.0 ms, 5.0 ms, waited 2.0 ms",
        "billing worker  process users.user  +2.25 s, 5.0 ms, waited 2.24 s",
    ]


def test_a_failed_statement_is_a_separate_line() -> None:
    failed = Statement(name="insert outbox", duration_us=100, error="UniqueViolationError")
    assert printed([replace(REQUEST, statements=[failed])])[1:] == [
        "1 database call, 0.1 ms",
        "insert outbox  failed: UniqueViolationError",
    ]


def test_an_outbox_row_waits_also_for_the_relay_of_the_same_process() -> None:
    sent = replace(PROCESS, id="onward", parent_id="process", started_us=3_262_000)
    within = replace(PROCESS, id="within", parent_id="process", started_us=3_251_000)
    waited = {each.span.id: each.waited_us for each in timed_spans([PROCESS, sent, within])}
    assert waited == {"process": None, "onward": 7_000, "within": None}


def test_a_span_without_its_parent_is_shown_at_the_top_with_a_remark() -> None:
    assert printed([PROCESS, REQUEST]) == [
        "users api  POST /signup  +0.0 ms, 5.0 ms",
        "billing worker  process users.user  +2.25 s, 5.0 ms  (its parent is not in the viewer)",
    ]


def test_a_span_without_times_is_shown_and_does_not_move_other_spans() -> None:
    unknown = replace(SEND, started_us=None, duration_us=None, error="KafkaError")
    assert printed([unknown, REQUEST, PROCESS]) == [
        "users api  POST /signup  +0.0 ms, 5.0 ms",
        "users worker  send users.user  +? ms, ? ms  failed: KafkaError",
        "billing worker  process users.user  +2.25 s, 5.0 ms",
    ]


def test_a_clock_that_is_behind_gives_no_negative_wait() -> None:
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
