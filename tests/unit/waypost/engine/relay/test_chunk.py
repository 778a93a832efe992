"""Rows become records: headers unchanged without tracing, with a new span context if sampled."""

import json

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.unit.waypost.engine.relay.rig import chunk_of
from waypost.engine.relay.chunk import RowsRejected
from waypost.kernel.errors import Transient
from waypost.ports.broker import RecordsRejected
from waypost.ports.outbox import PendingRow
from waypost.telemetry import span_limit
from waypost.telemetry.token_bucket import TokenBucket

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"


def row(traceparent: str | None = None, *, headers: str | None = None, row_id: int = 1) -> PendingRow:
    texts = {"ce_id": "1"} if traceparent is None else {"ce_id": "1", "traceparent": traceparent}
    return PendingRow(0, row_id, "users.user", b"key", b"value", headers or json.dumps(texts), 1_767_225_600_000)


def test_unsampled_context_is_forwarded_without_a_span(spans: InMemorySpanExporter) -> None:
    chunk = chunk_of(row(UNSAMPLED), row())
    with chunk.sending():
        pass
    assert [list(record.headers) for record in chunk.records] == [
        [("ce_id", b"1"), ("traceparent", UNSAMPLED.encode())],
        [("ce_id", b"1")],
    ]
    assert not spans.get_finished_spans()


def test_sampled_row_is_sent_with_its_send_span(spans: InMemorySpanExporter) -> None:
    chunk = chunk_of(row(SAMPLED))
    with chunk.sending():
        assert not spans.get_finished_spans()
    (span,) = spans.get_finished_spans()
    assert span.name == "send users.user"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    own = span.get_span_context()
    assert own is not None
    carried = [value for name, value in chunk.records[0].headers if name == "traceparent"]
    assert carried == [f"00-{TRACE}-{own.span_id:016x}-01".encode()]


def test_a_row_beyond_the_limit_of_spans_continues_its_trace(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_limit, "SPAN_LIMIT", TokenBucket(1, clock=lambda: 0.0))
    chunk = chunk_of(row(SAMPLED), row(SAMPLED))
    with chunk.sending():
        pass
    assert len(spans.get_finished_spans()) == 1
    assert ("traceparent", SAMPLED.encode()) in chunk.records[1].headers


def test_spans_end_with_the_result_of_the_send(spans: InMemorySpanExporter) -> None:
    chunk = chunk_of(row(SAMPLED))
    with pytest.raises(Transient), chunk.sending():
        raise Transient("not acknowledged")
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "Transient")


def test_refusal_of_records_names_their_rows() -> None:
    chunk = chunk_of(row(row_id=1), row(row_id=2), row(row_id=3))
    with pytest.raises(RowsRejected) as refusal, chunk.sending():
        raise RecordsRejected(chunk.records[1:], "too large")
    assert [each.id for each in refusal.value.rows] == [2, 3]


@pytest.mark.parametrize("headers", ["no json", "[1]", '{"ce_id": 1}'])
def test_unreadable_row_is_named(headers: str) -> None:
    chunk = chunk_of(row(), row(headers=headers, row_id=7))
    with pytest.raises(RowsRejected) as refusal, chunk.sending():
        pass
    assert [each.id for each in refusal.value.rows] == [7]
