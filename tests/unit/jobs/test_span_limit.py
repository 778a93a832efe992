"""Jobs of sampled traces beyond the limit of spans: their traces continue."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from waypost.jobs.spans import sending
from waypost.kernel.ids import new_id
from waypost.telemetry import span_limit
from waypost.telemetry.token_bucket import TokenBucket

TRACER = trace.get_tracer("test")


def test_an_enqueue_beyond_the_limit_has_no_span(spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_limit, "SPAN_LIMIT", TokenBucket(1, clock=lambda: 0.0))
    with TRACER.start_as_current_span("POST /invoices"):
        with sending("charge", new_id()) as first:
            pass
        with sending("charge", new_id()) as second:
            pass
    assert first is not None
    assert first.sampled
    assert second is None  # the job carries the context of the request
    assert [span.name for span in spans.get_finished_spans()] == ["send charge", "POST /invoices"]
