"""Decide which spans are recorded. Only `waypost.telemetry.sdk` and tests import this module: it
loads the SDK.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from waypost.telemetry import metrics
from waypost.telemetry.spans import is_failure
from waypost.telemetry.token_bucket import TokenBucket


class _DecidingSampler(Sampler):
    """Decides from the parent, the name and the kind of a span; asks the `inner` sampler where it
    does not decide.
    """

    def __init__(self, inner: Sampler = ALWAYS_OFF) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        match self._decide(parent_context, parent, name, kind):
            case None:
                return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
            case Decision.DROP:
                return SamplingResult(Decision.DROP, None, parent.trace_state)
            case decision:
                return SamplingResult(decision, attributes, parent.trace_state)

    def _decide(
        self, context: Context | None, parent: SpanContext, name: str, kind: SpanKind | None
    ) -> Decision | None:
        """None if the inner sampler decides. `parent` is not valid for the first span of a
        trace.
        """
        raise NotImplementedError

    def get_description(self) -> str:
        return f"{type(self).__name__}{{{self._inner.get_description()}}}"


class TraceRateSampler(_DecidingSampler):
    """Samples the first new traces of each second, per name of their first span, so that frequent
    polls do not use up the traces of writes. Every other span follows its parent.

    A request counts as a new trace even if its client sent a sampled context: a client cannot cause
    more.
    """

    def __init__(self, traces_per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._traces_per_second = traces_per_second
        self._limits = defaultdict[str, TokenBucket](partial(TokenBucket, traces_per_second, clock=clock))

    def _decide(self, context: Context | None, parent: SpanContext, name: str, kind: SpanKind | None) -> Decision:
        return Decision.RECORD_AND_SAMPLE if self._is_sampled(parent, name, kind) else Decision.DROP

    def _is_sampled(self, parent: SpanContext, name: str, kind: SpanKind | None) -> bool:
        if parent.is_valid and not parent.trace_flags.sampled:
            return False
        if parent.is_valid and kind is not SpanKind.SERVER:
            return True
        if self._limits[name].grant():
            return True
        metrics.TRACES_NOT_SAMPLED.inc()
        return False

    def get_description(self) -> str:
        return f"TraceRateSampler{{{self._traces_per_second}}}"


class RootSpanSampler(_DecidingSampler):
    """Never starts a trace for a client call or an inner step: loops poll all the time, and
    a poll alone is not worth a trace.
    """

    def _decide(
        self, context: Context | None, parent: SpanContext, name: str, kind: SpanKind | None
    ) -> Decision | None:
        starts_poll = not parent.is_valid and kind in (None, SpanKind.CLIENT, SpanKind.INTERNAL)
        return Decision.DROP if starts_poll else None


class FailureSampler(_DecidingSampler):
    """Records every span of `record_failure`, also in a trace that is not sampled."""

    def _decide(
        self, context: Context | None, parent: SpanContext, name: str, kind: SpanKind | None
    ) -> Decision | None:
        return Decision.RECORD_AND_SAMPLE if is_failure(context) else None
