"""W3C Trace Context, and the tracer of a process.

Two limits bound what a process records: the new traces per second (`OTEL_TRACES_SAMPLER`), and the
spans per second that continue traces of other processes (`SPANS_PER_SECOND`). The context of work
without a span is passed on unchanged.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opentelemetry import trace

from waypost.kernel.errors import Misconfigured
from waypost.project import project, variable
from waypost.telemetry import names

EXPORTER_VARIABLE = "OTEL_TRACES_EXPORTER"
SAMPLER_VARIABLE = "OTEL_TRACES_SAMPLER"
SAMPLER_ARGUMENT_VARIABLE = "OTEL_TRACES_SAMPLER_ARG"
SPANS_VARIABLE = variable("SPANS_PER_SECOND")
RATE_LIMITED = "rate_limited"
TRACES_PER_SECOND, SPANS_PER_SECOND = 10, 100


class Variable(NamedTuple):
    name: str
    default: str
    meaning: str


VARIABLES: Sequence[Variable] = (
    Variable(EXPORTER_VARIABLE, "none", "`otlp` or `zipkin`; with `none` nothing is recorded."),
    Variable("OTEL_EXPORTER_OTLP_ENDPOINT", "", "Where spans are sent with `otlp`."),
    Variable("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "", "Where spans are sent with `zipkin`."),
    Variable(
        SAMPLER_VARIABLE,
        RATE_LIMITED,
        "Which new traces are recorded. Another value is one of OpenTelemetry's samplers, for example"
        " `parentbased_always_on`: every trace. Failures are recorded in any case.",
    ),
    Variable(
        SAMPLER_ARGUMENT_VARIABLE,
        str(TRACES_PER_SECOND),
        f"With `{RATE_LIMITED}`: new traces per second that a process records for each HTTP method,"
        " and for each other kind of work that begins a trace.",
    ),
    Variable(
        SPANS_VARIABLE,
        str(SPANS_PER_SECOND),
        "Records and jobs of sampled traces whose spans a process records per second. The spans of"
        " further ones are left out; their traces continue.",
    ),
)
"""The variables of every process that traces."""
_LENGTH = 55  # 00-<32 hex>-<16 hex>-<2 hex>
_ODD = frozenset("13579bdf")


@dataclass(frozen=True, slots=True)
class Trace:
    """A span's context in wire form."""

    traceparent: str
    tracestate: str | None = None

    @property
    def sampled(self) -> bool:
        return is_sampled(self.traceparent)


def is_sampled(traceparent: str | None) -> bool:
    """Whether the trace is sampled. Checks the flag only: unsampled contexts are forwarded
    unchanged, for a fraction of a microsecond.
    """
    return traceparent is not None and len(traceparent) == _LENGTH and traceparent[-1] in _ODD


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id, the second of four parts: version, trace id, span id, flags."""
    return traceparent.split("-")[1] if traceparent else None


def current_trace() -> Trace | None:
    """The running span's context; None without a trace."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return Trace(traceparent, context.trace_state.to_header() or None)


def configure(service: str, instance: str) -> bool:
    """Configures the process's tracer; False if tracing is off. Called once, before other parts are
    built.

    `service` is the bounded context, `instance` the role and number (`api-1`). Raises Misconfigured
    for an unknown exporter or a limit that is not a number.
    """
    exporter = os.environ.get(EXPORTER_VARIABLE, "none").strip() or "none"
    if exporter == "none":
        return False
    if exporter not in ("otlp", "zipkin"):
        raise Misconfigured(f"{EXPORTER_VARIABLE} is {exporter!r}: set it to otlp, zipkin or none")
    traces_per_second, spans_per_second = _traces_per_second(), _limit(SPANS_VARIABLE, SPANS_PER_SECOND)
    # Select the stable conventions for HTTP and databases; instrumentation still defaults to the
    # old ones.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    try:
        from waypost.telemetry import sdk  # here, so that a process without tracing does not load it
        from waypost.telemetry.span_limit import SPAN_LIMIT
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            f"{EXPORTER_VARIABLE} is {exporter!r}, but {missing.name} is not installed: pip install 'waypost[telemetry]'"
        ) from missing
    resource = {names.SERVICE: service, names.INSTANCE: instance, names.NAMESPACE: project().namespace}
    SPAN_LIMIT.change(spans_per_second)
    sdk.install(exporter, resource, traces_per_second)
    return True


def _traces_per_second() -> float | None:
    """The limit of new traces; None with one of OpenTelemetry's samplers."""
    if (os.environ.get(SAMPLER_VARIABLE, "").strip() or RATE_LIMITED) != RATE_LIMITED:
        return None
    return _limit(SAMPLER_ARGUMENT_VARIABLE, TRACES_PER_SECOND)


def _limit(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip() or str(default)
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not 0 <= limit < math.inf:
        raise Misconfigured(f"{name} is {text!r}: set it to a number per second, 0 or more")
    return limit


def flush() -> None:
    """Sends the ended spans now, before the process ends without its exit handlers."""
    provider = trace.get_tracer_provider()
    if force_flush := getattr(provider, "force_flush", None):  # the provider without an SDK has none
        force_flush()
