"""The cause of work, passed from request to event to job, for traces and audits."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

from waypost.kernel.ids import new_id


class Cause(NamedTuple):
    """Stored with events and jobs. CloudEvents extensions `correlationid`, `causationid`,
    `traceparent`.
    """

    correlation_id: UUID
    """The request that started the chain."""
    causation_id: UUID
    """The request, event or job that caused this directly."""
    traceparent: str | None = None
    """W3C Trace Context of the causing span; None if tracing is off."""
    tracestate: str | None = None
    actor_id: UUID | None = None
    """The user who started the chain, if there was one."""


_bound: ContextVar[Cause | None] = ContextVar("waypost_cause", default=None)


@contextmanager
def bound_cause(cause: Cause) -> Iterator[None]:
    """Binds the cause of everything that runs inside the block."""
    token = _bound.set(cause)
    try:
        yield
    finally:
        _bound.reset(token)


def bind_cause(cause: Cause) -> None:
    """Binds the cause until the enclosing `bound_cause` block ends."""
    _bound.set(cause)


def current_cause() -> Cause:
    """The bound cause, or the start of a new chain."""
    bound = _bound.get()
    if bound is not None:
        return bound
    beginning = new_id()
    return Cause(correlation_id=beginning, causation_id=beginning)


def bound_traceparent() -> str | None:
    """The trace context of the bound cause; None without one."""
    bound = _bound.get()
    return bound.traceparent if bound is not None else None
