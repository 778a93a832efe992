"""Spans of jobs: `send <job>` at the enqueue, `process <job>` for each attempt (OpenTelemetry
messaging conventions).

Unsampled work costs almost nothing: the sampled flag is checked first, and the context is forwarded
unchanged. The same holds for sampled work beyond the limit of `grant_spans`. Every failed attempt
is recorded.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from waypost.jobs.claim import Claim
from waypost.kernel.cause import Cause
from waypost.kernel.errors import NotYet
from waypost.telemetry import names
from waypost.telemetry.span_limit import grant_spans
from waypost.telemetry.spans import record_failure, recorded
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
    if not trace.get_current_span().get_span_context().trace_flags.sampled or not grant_spans():
        yield None
        return
    with recorded(_tracer, names.send_span_name(job), SpanKind.PRODUCER, _attributes(names.SEND, job, job_id)):
        yield current_trace()


@contextmanager
def processing(claim: Claim) -> Iterator[None]:
    """A span around one attempt: a child of the enqueue, or a new linked trace if the job was
    delayed or redriven.
    """
    parent = _context_of(claim.cause)
    if is_sampled(claim.cause.traceparent) and grant_spans():
        parent, attributes, links = _placed(claim, parent)
        name = names.process_span_name(claim.name)
        with recorded(_tracer, name, SpanKind.CONSUMER, attributes, parent=parent, links=links):
            yield
        return
    began_ns, token = time.time_ns(), context.attach(parent)
    try:
        yield
    except NotYet:  # no failure
        raise
    except Exception as error:
        _record_failure(claim, parent, error, began_ns)
        raise
    finally:
        context.detach(token)


def _record_failure(claim: Claim, carried: Context, error: Exception, began_ns: int) -> None:
    parent, attributes, links = _placed(claim, carried)
    name, failure = names.process_span_name(claim.name), type(error).__name__
    record_failure(_tracer, name, SpanKind.CONSUMER, attributes, failure, parent=parent, links=links, began_ns=began_ns)


def _placed(claim: Claim, carried: Context) -> tuple[Context, dict[str, str | int], Sequence[Link]]:
    """The parent of an attempt's span, its attributes and links."""
    origin = trace.get_current_span(carried).get_span_context()
    identity: dict[str, str | int] = {
        names.TENANT: str(claim.tenant_id),
        names.JOB_ATTEMPT: claim.attempt,
        names.JOB_OUTAGES: claim.outages,
    }
    attributes = _attributes(names.PROCESS, claim.name, claim.id) | identity
    if not origin.is_valid:
        return carried, attributes, []
    if claim.operator_retries or claim.run_at - claim.enqueued_at > LINKED_TRACE_AFTER:
        return Context(), attributes | {names.ORIGINAL_TRACE: f"{origin.trace_id:032x}"}, [Link(origin)]
    return carried, attributes, [Link(origin)]


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
