"""Which new traces are recorded, and what a trace beyond the limit still has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from waypost.kernel.cloudevents import Headers
from waypost.kernel.envelope import Record
from waypost.telemetry import messaging, metrics
from waypost.telemetry.messaging import end_send, headers_sampled, process_span, start_send
from waypost.telemetry.samplers import FailureSampler, TraceRateSampler
from waypost.telemetry.spans import record_failure
from waypost.telemetry.tracing import Trace, current_trace

PER_SECOND = 3


class Process:
    """The tracer of a process whose clock stands still, and the spans that it recorded."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        sampler = TraceRateSampler(PER_SECOND, clock=lambda: 0.0)
        self.provider = TracerProvider(FailureSampler(sampler), shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("tests")

    @contextmanager
    def request(self, method: str = "POST", parent: Context | None = None) -> Iterator[Trace]:
        with self.tracer.start_as_current_span(method, parent or Context(), SpanKind.SERVER):
            running = current_trace()
            assert running is not None
            yield running

    def names_of(self, traceparent: str) -> Sequence[str]:
        """The recorded spans of a trace, in order of their names."""
        trace_id = int(traceparent.split("-")[1], 16)
        spans = self.exporter.get_finished_spans()
        return sorted(span.name for span in spans if span.context and span.context.trace_id == trace_id)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    process = Process()
    monkeypatch.setattr(messaging, "_tracer", process.tracer)
    return process


def publish_and_handle(traceparent: str) -> str:
    """As the relay and a consumer do with the row of a request. Returns the published context."""
    headers: Headers = [("traceparent", traceparent.encode())]
    if headers_sampled(headers):
        span, headers = start_send("users.user", b"key", headers, message_id="event-1")
        end_send(span)
    record = Record(topic="users.user", partition=0, offset=0, timestamp_ms=0, key=b"k", value=b"", headers=headers)
    with process_span(record, "notifications.recipients"):
        pass
    return dict(headers)["traceparent"].decode()


def context_of(*, sampled: bool) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return trace.set_span_in_context(NonRecordingSpan(SpanContext(7, 8, is_remote=True, trace_flags=flags)), Context())


def test_the_first_traces_of_a_second_are_complete_and_the_others_are_passed_on(process: Process) -> None:
    not_sampled = metrics.TRACES_NOT_SAMPLED._value.get()
    traces = []
    for _ in range(PER_SECOND + 2):
        with process.request() as running:
            traces.append(running)
    published = [publish_and_handle(each.traceparent) for each in traces]

    whole = ["POST", "process users.user", "send users.user"]
    assert [process.names_of(each.traceparent) for each in traces] == PER_SECOND * [whole] + 2 * [[]]
    assert [each.sampled for each in traces] == PER_SECOND * [True] + 2 * [False]
    assert published[PER_SECOND:] == [each.traceparent for each in traces[PER_SECOND:]]
    assert all(len(each) == 55 for each in published)
    assert metrics.TRACES_NOT_SAMPLED._value.get() - not_sampled == 2


def test_polls_do_not_use_up_the_traces_of_writes(process: Process) -> None:
    for _ in range(10 * PER_SECOND):
        with process.request("GET"):
            pass
    with process.request("POST") as running:
        assert running.sampled


def test_a_client_that_asks_for_traces_gets_no_more_than_the_limit(process: Process) -> None:
    for _ in range(2 * PER_SECOND):
        with process.request(parent=context_of(sampled=True)):
            pass
    assert len(process.exporter.get_finished_spans()) == PER_SECOND


def test_other_work_follows_its_parent(process: Process) -> None:
    for _ in range(2 * PER_SECOND):
        process.tracer.start_span("process", context_of(sampled=True), SpanKind.CONSUMER).end()
        process.tracer.start_span("process", context_of(sampled=False), SpanKind.CONSUMER).end()
    assert len(process.exporter.get_finished_spans()) == 2 * PER_SECOND


def test_a_failure_is_recorded_in_its_trace_although_that_is_not_sampled(process: Process) -> None:
    for _ in range(PER_SECOND):
        with process.request():
            pass
    with process.request() as running:
        parent = trace.set_span_in_context(trace.get_current_span(), Context())
        record_failure(process.tracer, "POST /x", SpanKind.SERVER, {}, "ValueError", parent=parent, began_ns=5)
    failed = process.exporter.get_finished_spans()[-1]
    assert process.names_of(running.traceparent) == ["POST /x"]
    assert (failed.start_time, failed.status.description) == (5, "ValueError")
