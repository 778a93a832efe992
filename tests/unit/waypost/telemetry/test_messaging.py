"""Spans around Kafka: their content, their parent, and no cost without sampling."""

from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from waypost.kernel.envelope import Record
from waypost.kernel.errors import NotYet
from waypost.telemetry import messaging, metrics, names, span_limit
from waypost.telemetry.messaging import batch_span, carried, end_send, headers_sampled, process_span, start_send
from waypost.telemetry.samplers import FailureSampler, RootSpanSampler
from waypost.telemetry.token_bucket import TokenBucket
from waypost.telemetry.tracing import current_trace, is_sampled

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.sampler = FailureSampler(RootSpanSampler(provider.sampler))  # as a process has it
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(messaging, "_tracer", provider.get_tracer("tests"))
    return exporter


def record(traceparent: str | bytes | None, *, offset: int = 7) -> Record:
    headers: list[tuple[str, bytes]] = [("ce_id", b"event-1"), ("ce_tenantid", b"tenant-1")]
    if traceparent is not None:
        headers.append(("traceparent", traceparent if isinstance(traceparent, bytes) else traceparent.encode()))
    return Record(topic="users.user", partition=3, offset=offset, timestamp_ms=0, key=b"k", value=b"", headers=headers)


def other_trace(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


def links_of(span: ReadableSpan) -> Sequence[int]:
    return [each.context.trace_id for each in span.links]


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        *((SAMPLED[:-1] + flag, True) for flag in "13579bdf"),
        *((SAMPLED[:-1] + flag, False) for flag in "02468aceGz"),
        *((text, False) for text in ("", "x", None, SAMPLED + "1", SAMPLED[:-1])),
    ],
)
def test_the_flag_is_the_last_bit(text: str | None, sampled: bool) -> None:
    assert is_sampled(text) is sampled


def test_a_send_is_a_child_span_and_the_record_carries_its_context(spans: InMemorySpanExporter) -> None:
    headers = [("traceparent", SAMPLED.encode()), ("tracestate", b"a=b"), ("ce_id", b"event-1")]
    span, onward = start_send("users.user", b"key", headers, message_id="event-1")
    end_send(span, partition=4)
    (sent,) = spans.get_finished_spans()
    assert (sent.name, sent.kind) == ("send users.user", SpanKind.PRODUCER)
    assert sent.parent is not None
    assert f"{sent.parent.span_id:016x}" == SPAN
    context = sent.get_span_context()
    assert context is not None
    assert [value for name, value in onward if name == "traceparent"] == [
        f"00-{TRACE}-{context.span_id:016x}-01".encode()
    ]
    assert [value for name, value in onward if name == "tracestate"] == [b"a=b"]
    assert ("ce_id", b"event-1") in onward
    assert headers[0] == ("traceparent", SAMPLED.encode())


def test_a_failed_send_has_error_status(spans: InMemorySpanExporter) -> None:
    span, _ = start_send("users.user", b"key", [("traceparent", SAMPLED.encode())], message_id="event-1")
    end_send(span, failure="KafkaTimeoutError")
    assert spans.get_finished_spans()[0].status.status_code is StatusCode.ERROR


def test_handling_is_a_child_of_the_sender_and_linked_to_it(spans: InMemorySpanExporter) -> None:
    with process_span(record(SAMPLED), "billing.customers"):
        inside = current_trace()
    (handled,) = spans.get_finished_spans()
    assert (handled.name, handled.kind) == ("process users.user", SpanKind.CONSUMER)
    assert handled.parent is not None
    assert f"{handled.parent.span_id:016x}" == SPAN
    assert links_of(handled) == [int(TRACE, 16)]
    assert inside is not None
    assert inside.sampled
    assert handled.attributes is not None
    assert handled.attributes[names.MESSAGE_ID] == "event-1"
    assert handled.attributes[names.TENANT] == "tenant-1"
    assert handled.attributes[names.OFFSET] == 7


@pytest.mark.parametrize("traceparent", [UNSAMPLED, None, "nonsense", b"\xff" * 55])
def test_the_unsampled_is_not_recorded(spans: InMemorySpanExporter, traceparent: str | bytes | None) -> None:
    assert not headers_sampled(record(traceparent).headers)
    with process_span(record(traceparent), "billing.customers"):
        assert current_trace() is None
    with batch_span("users.user", "billing.customers", [record(traceparent)] * 3):
        assert current_trace() is None
    assert not spans.get_finished_spans()


def test_an_error_marks_the_span_without_its_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="ada"), process_span(record(SAMPLED), "billing.customers"):
        raise ValueError("ada@mail.example")
    (handled,) = spans.get_finished_spans()
    assert (handled.status.status_code, handled.status.description) == (StatusCode.ERROR, "ValueError")
    assert not handled.events


def test_work_that_waits_for_another_topic_has_not_failed(spans: InMemorySpanExporter) -> None:
    for traceparent in (SAMPLED, UNSAMPLED):
        with pytest.raises(NotYet), process_span(record(traceparent), "billing.customers"):
            raise NotYet("ada is not in the directory yet")
    (handled,) = spans.get_finished_spans()
    assert handled.status.status_code is StatusCode.UNSET
    assert (handled.attributes or {})[names.WAITS_FOR] == "NotYet"


def test_a_batch_is_one_span_and_each_trace_learns_of_it(spans: InMemorySpanExporter) -> None:
    records = [record(other_trace(1)), record(UNSAMPLED), record(other_trace(2)), record(None)]
    with batch_span("users.user", "billing.recipients", records):
        pass
    batch, *told = spans.get_finished_spans()
    assert links_of(batch) == [1, 2]
    assert batch.parent is None
    assert batch.attributes is not None
    assert batch.attributes[names.BATCH_COUNT] == 4
    contexts = [each.get_span_context() for each in told]
    assert [each.trace_id for each in contexts if each is not None] == [1, 2]
    own = batch.get_span_context()
    assert own is not None
    assert all(links_of(each) == [own.trace_id] for each in told)


def test_one_sampled_record_in_a_batch_needs_one_span(spans: InMemorySpanExporter) -> None:
    with batch_span("users.user", "billing.recipients", [record(None), record(SAMPLED)]):
        pass
    (handled,) = spans.get_finished_spans()
    assert handled.parent is not None


def test_a_failed_batch_is_not_recorded_as_handled(spans: InMemorySpanExporter) -> None:
    records = [record(other_trace(1)), record(other_trace(2))]
    with pytest.raises(RuntimeError), batch_span("users.user", "billing.recipients", records):
        raise RuntimeError
    assert len(spans.get_finished_spans()) == 1


def test_a_query_outside_of_any_span_starts_no_trace(spans: InMemorySpanExporter) -> None:
    for kind in (SpanKind.CLIENT, SpanKind.INTERNAL):
        messaging._tracer.start_span("select", kind=kind).end()
    assert not spans.get_finished_spans()
    with process_span(record(SAMPLED), "billing.customers"):
        messaging._tracer.start_span("select", kind=SpanKind.CLIENT).end()
    assert [each.name for each in spans.get_finished_spans()] == ["select", "process users.user"]


def test_a_failure_of_unsampled_records_is_recorded(spans: InMemorySpanExporter) -> None:
    """In the record's trace; a whole batch in a new one, linked to those of its records."""
    with pytest.raises(ValueError, match="ada"), process_span(record(UNSAMPLED), "billing.customers"):
        raise ValueError("ada@mail.example")
    with pytest.raises(ValueError, match="ada"), batch_span("users.user", "billing.recipients", [record(UNSAMPLED)]):
        raise ValueError("ada@mail.example")
    with (
        pytest.raises(ValueError, match="ada"),
        batch_span("users.user", "billing.recipients", [record(UNSAMPLED), record(None)]),
    ):
        raise ValueError("ada@mail.example")
    *failed, batch = spans.get_finished_spans()
    assert {each.status.description for each in (*failed, batch)} == {"ValueError"}
    assert [f"{each.parent.trace_id:032x}" for each in failed if each.parent] == 2 * [TRACE]
    assert (batch.parent, links_of(batch)) == (None, [int(TRACE, 16)])
    assert batch.attributes is not None
    assert batch.attributes[names.BATCH_COUNT] == 2
    assert "ada@mail.example" not in "".join(each.to_json() for each in (*failed, batch))


def test_a_record_without_a_trace_that_fails_begins_one(spans: InMemorySpanExporter) -> None:
    for redelivered in (False, True):
        with pytest.raises(ValueError, match="x"), process_span(record(None), "users.x", redelivered=redelivered):
            raise ValueError("x")
    assert [(each.parent, each.links) for each in spans.get_finished_spans()] == 2 * [(None, ())]


def test_the_spans_of_a_backlog_are_limited_and_the_others_are_counted(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_limit, "SPAN_LIMIT", TokenBucket(5, clock=lambda: 0.0))
    left_out = metrics.SPANS_DROPPED._value.get()
    with batch_span("users.user", "billing.recipients", [record(other_trace(number)) for number in range(1, 4)]):
        pass
    running = []
    for number in range(4, 8):
        with process_span(record(other_trace(number)), "billing.customers"):
            running.append(current_trace())
    with batch_span("users.user", "billing.recipients", [record(SAMPLED)] * 3):
        pass
    traces = [each.context.trace_id for each in spans.get_finished_spans()[1:] if each.context]
    assert traces == [1, 2, 3, 4, 5]
    assert [each is not None for each in running] == [True, True, False, False]
    assert metrics.SPANS_DROPPED._value.get() - left_out == 2 + 3
    with pytest.raises(RuntimeError), process_span(record(SAMPLED), "billing.customers"):
        raise RuntimeError
    assert spans.get_finished_spans()[-1].status.description == "RuntimeError"


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", None)],
        [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", None)],
    ],
)
def test_a_header_of_the_trace_may_be_null(headers: Any) -> None:
    """A header's value may be null in Kafka."""
    assert headers_sampled(headers) == (headers[0][1] is not None)
    assert carried(headers) is not None
