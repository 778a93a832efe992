"""Spans of the application."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer

from waypost.kernel.errors import NotYet
from waypost.telemetry import metrics, names
from waypost.telemetry.token_bucket import TokenBucket


@contextmanager
def recorded(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int],
    *,
    parent: Context | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """A span around work that may fail. An error sets only its class on the span, because its
    message may hold user input. Work that waits for a row from another topic has not failed.

    Without a `parent` it is a child of the running span; with an empty one it starts a trace.
    """
    with tracer.start_as_current_span(
        name, parent, kind, attributes, links, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except NotYet as waiting:
            span.set_attribute(names.WAITS_FOR, type(waiting).__name__)
            raise
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


FAILURES = TokenBucket(50)
"""Failed work that is recorded per second."""

_FAILURE = create_key("waypost.failure")


def record_failure(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int],
    failure: str,
    *,
    parent: Context | None,
    began_ns: int,
    links: Sequence[Link] = (),
) -> None:
    """Records failed work that has no span, also if its trace is not sampled. `failure` is the
    class of the error, or a status; `began_ns` is Unix time in nanoseconds. An outage may fail all
    work, so failures beyond `FAILURES` are left out.
    """
    if not FAILURES.grant():
        metrics.SPANS_DROPPED.inc()
        return
    span = tracer.start_span(name, set_value(_FAILURE, True, parent), kind, attributes, links, began_ns)
    span.set_status(Status(StatusCode.ERROR, failure))
    span.end()


def is_failure(context: Context | None) -> bool:
    """Whether the span that starts in the context is one of `record_failure`."""
    return get_value(_FAILURE, context) is True
