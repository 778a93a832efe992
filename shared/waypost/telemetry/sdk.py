"""Installs the OpenTelemetry SDK: exporter, sampler, and instrumentation of HTTP clients."""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from waypost.telemetry.samplers import FailureSampler, RootSpanSampler, TraceRateSampler


def install(exporter: str, resource: Mapping[str, str], traces_per_second: float | None) -> None:
    """Installs the exporter ("otlp" or "zipkin") with these resource attributes. Without
    `traces_per_second`, OTEL_TRACES_SAMPLER names one of OpenTelemetry's samplers.
    """
    sampler = None if traces_per_second is None else TraceRateSampler(traces_per_second)
    provider = TracerProvider(sampler, Resource.create(dict(resource)))
    provider.sampler = FailureSampler(RootSpanSampler(provider.sampler))
    trace.set_tracer_provider(provider)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    HTTPXClientInstrumentor().instrument()


def _exporter(name: str) -> SpanExporter:
    if name == "zipkin":
        from waypost.telemetry.zipkin import ZipkinGraphExporter

        return ZipkinGraphExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
