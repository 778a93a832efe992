"""Trace context in and out (W3C Trace Context), and the tracer of a process.

Exporters are chosen by OpenTelemetry's own variables: `OTEL_TRACES_EXPORTER` (otlp, zipkin, none),
`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_ZIPKIN_ENDPOINT`, `OTEL_TRACES_SAMPLER`. With none,
the default, the SDK is not even imported.
"""

import os
from dataclasses import dataclass

from opentelemetry import trace

from waypost.kernel.errors import Misconfigured
from waypost.project import project
from waypost.telemetry import names

EXPORTER_VARIABLE = "OTEL_TRACES_EXPORTER"
_LENGTH = 55  # 00-<32 hex>-<16 hex>-<2 hex>
_ODD = frozenset("13579bdf")


@dataclass(frozen=True, slots=True)
class Trace:
    """A span's context, as it travels."""

    traceparent: str
    tracestate: str | None = None

    @property
    def sampled(self) -> bool:
        return is_sampled(self.traceparent)


def is_sampled(traceparent: str | None) -> bool:
    """Looks at the flag alone: what is unsampled is forwarded untouched, for a fraction of a
    microsecond.
    """
    return traceparent is not None and len(traceparent) == _LENGTH and traceparent[-1] in _ODD


def trace_id_of(traceparent: str | None) -> str | None:
    """The second part of four: version, trace id, span id, flags."""
    return traceparent.split("-")[1] if traceparent else None


def current_trace() -> Trace | None:
    """The running span's context; None where nothing is traced."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return Trace(traceparent, context.trace_state.to_header() or None)


def configure(service: str, instance: str) -> bool:
    """Sets up the process's tracer; False where tracing is off. Call once, before anything is
    built.

    `service` is the bounded context, `instance` its role and place (`api-1`). Raises Misconfigured
    for an exporter that is not known.
    """
    exporter = os.environ.get(EXPORTER_VARIABLE, "none").strip() or "none"
    if exporter == "none":
        return False
    if exporter not in ("otlp", "zipkin"):
        raise Misconfigured(f"{EXPORTER_VARIABLE} is {exporter!r}: set it to otlp, zipkin or none")
    # The stable conventions for HTTP and databases; instrumentation still defaults to the old ones.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    try:
        from waypost.telemetry import sdk  # here, so that a process without tracing does not load it
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            f"{EXPORTER_VARIABLE} is {exporter!r}, and {missing.name} is not installed: pip install 'waypost[telemetry]'"
        ) from missing
    sdk.install(exporter, {names.SERVICE: service, names.INSTANCE: instance, names.NAMESPACE: project().namespace})
    return True
