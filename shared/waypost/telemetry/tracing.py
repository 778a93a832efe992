"""W3C Trace Context, and the tracer of a process.

OpenTelemetry's own variables select the exporter: `OTEL_TRACES_EXPORTER` (otlp, zipkin, none),
`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_ZIPKIN_ENDPOINT`, `OTEL_TRACES_SAMPLER`. With none,
the default, the SDK is not imported.
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
    for an unknown exporter.
    """
    exporter = os.environ.get(EXPORTER_VARIABLE, "none").strip() or "none"
    if exporter == "none":
        return False
    if exporter not in ("otlp", "zipkin"):
        raise Misconfigured(f"{EXPORTER_VARIABLE} is {exporter!r}: set it to otlp, zipkin or none")
    # Select the stable conventions for HTTP and databases; instrumentation still defaults to the
    # old ones.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    try:
        from waypost.telemetry import sdk  # here, so that a process without tracing does not load it
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            f"{EXPORTER_VARIABLE} is {exporter!r}, but {missing.name} is not installed: pip install 'waypost[telemetry]'"
        ) from missing
    sdk.install(exporter, {names.SERVICE: service, names.INSTANCE: instance, names.NAMESPACE: project().namespace})
    return True


def flush() -> None:
    """Sends the ended spans now, before the process ends without its exit handlers."""
    provider = trace.get_tracer_provider()
    if force_flush := getattr(provider, "force_flush", None):  # the provider without an SDK has none
        force_flush()
