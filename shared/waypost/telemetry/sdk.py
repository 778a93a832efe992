"""Installs the OpenTelemetry SDK: exporter, sampler, and instrumentation of HTTP clients."""

from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes


def install(exporter: str, resource: Mapping[str, str]) -> None:
    """Installs the exporter ("otlp" or "zipkin") with these resource attributes."""
    provider = TracerProvider(resource=Resource.create(dict(resource)))
    provider.sampler = RootSpanSampler(provider.sampler)
    trace.set_tracer_provider(provider)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    HTTPXClientInstrumentor().instrument()


def _exporter(name: str) -> SpanExporter:
    if name == "zipkin":
        from waypost.telemetry.zipkin import ZipkinGraphExporter

        return ZipkinGraphExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


class RootSpanSampler(Sampler):
    """Never starts a trace for a client call or an inner step: loops poll all the time, and
    a poll alone is not worth a trace.
    """

    def __init__(self, inner: Sampler) -> None:
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
        has_parent = trace.get_current_span(parent_context).get_span_context().is_valid
        if not has_parent and kind in (None, SpanKind.CLIENT, SpanKind.INTERNAL):
            return SamplingResult(Decision.DROP)
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"RootSpanSampler{{{self._inner.get_description()}}}"
