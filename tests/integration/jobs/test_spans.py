"""One trace from the request to the job's last attempt."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.operations.jobs.changes import retry_job
from waypost.telemetry.names import ORIGINAL_TRACE
from waypost.testing.eventually import eventually

TRACER = trace.get_tracer("test")


async def flaky(job: JobContext, word: str = "now") -> None:
    with TRACER.start_as_current_span("call"):
        if job.executions == 1:
            raise Transient(f"not {word}")


@pytest.fixture
async def billing(service: ServiceOf) -> Service:
    return await service([Job(flaky, retry=Backoff(first_seconds=0.01))])


def named(spans: InMemorySpanExporter, name: str) -> Sequence[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


async def test_each_attempt_is_a_child_of_the_enqueue(billing: Service, spans: InMemorySpanExporter) -> None:
    async with billing.working():
        with TRACER.start_as_current_span("POST /invoices") as request:
            job = await billing.enqueue("flaky")
        await billing.becomes("complete", job)
    (sent,), attempts = named(spans, "send flaky"), named(spans, "process flaky")
    assert sent.kind is SpanKind.PRODUCER
    assert sent.parent is not None and sent.parent.span_id == request.get_span_context().span_id
    assert [attempt.parent and attempt.parent.span_id for attempt in attempts] == 2 * [sent.context.span_id]
    assert [attempt.status.status_code for attempt in attempts] == [StatusCode.ERROR, StatusCode.UNSET]
    assert {attempt.kind for attempt in attempts} == {SpanKind.CONSUMER}
    traces = {span.context.trace_id for span in (*attempts, *named(spans, "call"))}
    assert traces == {request.get_span_context().trace_id}


async def test_span_has_the_error_class_without_its_message(billing: Service, spans: InMemorySpanExporter) -> None:
    """A message may contain personal data."""
    secret = "ada@example.org"
    with TRACER.start_as_current_span("POST /invoices"), suppress(asyncpg.DataError):
        await billing.enqueue("flaky", idempotency_key=f"{secret}\0")
    with TRACER.start_as_current_span("POST /invoices"):
        job = await billing.enqueue("flaky", word=secret)
    async with billing.working():
        await billing.becomes("complete", job)
    refused, attempt = named(spans, "send flaky")[0], named(spans, "process flaky")[0]
    assert (refused.status.status_code, refused.status.description) == (
        StatusCode.ERROR,
        "CharacterNotInRepertoireError",
    )
    assert (attempt.status.status_code, attempt.status.description) == (StatusCode.ERROR, "Transient")
    told = [span.to_json() for name in ("send flaky", "process flaky") for span in named(spans, name)]
    assert len(told) == 4
    assert not [envelope for envelope in told if secret in envelope]


async def test_a_job_far_ahead_has_a_trace_of_its_own_with_a_link(
    billing: Service, spans: InMemorySpanExporter
) -> None:
    with TRACER.start_as_current_span("POST /subscriptions"):
        job = await billing.enqueue("flaky", run_at=billing.clock.now() + timedelta(days=30))
    await billing.pass_time(timedelta(days=31))
    async with billing.working():
        await billing.becomes("complete", job)
    (sent,), (attempt, _) = named(spans, "send flaky"), named(spans, "process flaky")
    assert attempt.context.trace_id != sent.context.trace_id
    assert [link.context.span_id for link in attempt.links] == [sent.context.span_id]
    assert attempt.attributes is not None
    assert attempt.attributes["waypost.original_trace_id"] == f"{sent.context.trace_id:032x}"


async def test_a_job_sent_again_has_a_trace_of_its_own_that_is_found_from_the_original_one(
    service: ServiceOf, spans: InMemorySpanExporter
) -> None:
    billing = await service([Job(flaky, only_once="it is sent again by hand")])
    async with billing.working():
        with TRACER.start_as_current_span("POST /invoices"):
            job = await billing.enqueue("flaky")
        await billing.becomes("dead", job)
        await retry_job(billing.admin_service, job, AuditContext(operator="grace", reason="mended"))
        await eventually(lambda: len(named(spans, "process flaky")) == 2)
    (sent,), (first, again) = named(spans, "send flaky"), named(spans, "process flaky")
    assert first.context.trace_id == sent.context.trace_id
    assert again.context.trace_id != sent.context.trace_id
    original = f"{sent.context.trace_id:032x}"
    found = [span for span in spans.get_finished_spans() if (span.attributes or {}).get(ORIGINAL_TRACE) == original]
    assert found == [again]
    assert [link.context.span_id for link in again.links] == [sent.context.span_id]


async def test_of_an_unsampled_job_only_a_failed_attempt_is_recorded(
    billing: Service, spans: InMemorySpanExporter
) -> None:
    unsampled = SpanContext(trace_id=7, span_id=8, is_remote=True)
    with trace.use_span(NonRecordingSpan(unsampled)):
        job = await billing.enqueue("flaky")
    (row,) = await billing.fetch("select traceparent from jobs where id = $1", job)
    assert row["traceparent"] == f"00-{7:032x}-{8:016x}-00"
    async with billing.working():
        await billing.becomes("complete", job)
    (failed,) = spans.get_finished_spans()
    assert (failed.name, failed.status.description) == ("process flaky", "Transient")
    assert failed.attributes is not None
    assert failed.attributes["waypost.job.attempt"] == 1
    assert failed.parent is not None
    assert (failed.parent.trace_id, failed.parent.span_id) == (7, 8)
