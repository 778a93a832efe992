"""Spans of jobs: `send <job>` at the enqueue, `process <job>` for each attempt (OpenTelemetry
messaging conventions).

Unsampled work costs almost nothing: the sampled flag is checked first, and the context is forwarded
unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from waypost.jobs.claim import Claim
from waypost.kernel.cause import Cause
from waypost.telemetry import names
from waypost.telemetry.spans import recorded
from waypost.telemetry.tracing import Trace, current_trace, is_sampled

LINKED_TRACE_AFTER = timedelta(minutes=5)
"""A job delayed for longer gets its own trace, linked to the trace of its enqueue, because a trace
is read soon after its start.
"""

_tracer = trace.get_tracer("waypost.jobs")
_propagator = TraceContextTextMapPropagator()
_UNTRACED = Context()


@contextmanager
def sending(job: str, job_id: UUID) -> Iterator[Trace | None]:
    """A span around the enqueue; yields the context that the job carries, None without a sampled
    span.
    """
    if not trace.get_current_span().get_span_context().trace_flags.sampled:
        yield None
        return
    with recorded(_tracer, names.send_span(job), SpanKind.PRODUCER, _attributes(names.SEND, job, job_id)):
        yield current_trace()


@contextmanager
def processing(claim: Claim) -> Iterator[None]:
    """A span around one attempt: a child of the enqueue, or a new linked trace if the job was
    delayed or redriven.
    """
    parent = _context_of(claim.cause)
    if not is_sampled(claim.cause.traceparent):
        token = context.attach(parent)
        try:
            yield
        finally:
            context.detach(token)
        return
    origin = trace.get_current_span(parent).get_span_context()
    identity: dict[str, str | int] = {names.TENANT: str(claim.tenant_id), names.JOB_ATTEMPT: claim.attempt}
    attributes = _attributes(names.PROCESS, claim.name, claim.id) | identity
    if claim.operator_retries or claim.run_at - claim.enqueued_at > LINKED_TRACE_AFTER:
        parent = Context()
        attributes[names.ORIGINAL_TRACE] = f"{origin.trace_id:032x}"
    name, links = names.process_span(claim.name), [Link(origin)]
    with recorded(_tracer, name, SpanKind.CONSUMER, attributes, parent=parent, links=links):
        yield


def _attributes(operation: str, job: str, job_id: UUID) -> dict[str, str | int]:
    return {
        names.SYSTEM: names.JOB_TABLE,
        names.OPERATION_NAME: operation,
        names.OPERATION_TYPE: operation,
        names.DESTINATION: job,
        names.MESSAGE_ID: str(job_id),
    }


def _context_of(cause: Cause) -> Context:
    if cause.traceparent is None:
        return _UNTRACED
    carried = {"traceparent": cause.traceparent, "tracestate": cause.tracestate}
    return _propagator.extract({name: value for name, value in carried.items() if value}, Context())
