"""Exports spans to Zipkin, with the attributes that draw the graph users → kafka →
notifications.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import requests
import structlog
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.exporter.zipkin.json.v2 import JsonV2Encoder
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind

from waypost.telemetry import names

log = structlog.get_logger()

MAX_LINKS = 32
TIMEOUT_SECONDS = 2


class ZipkinGraphExporter(ZipkinExporter):
    """The standard exporter, with links and peers. An unavailable collector loses spans, without a
    stack trace per batch.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        super().__init__(endpoint=endpoint, timeout=TIMEOUT_SECONDS)
        self.encoder = GraphEncoder()  # type: ignore[assignment]  # upstream infers the type from its v1 branch
        self._unavailable = False

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        try:
            result = super().export(spans)
        except requests.RequestException as error:
            if not self._unavailable:
                log.warning("trace_export_failed", endpoint=self.endpoint, error_class=type(error).__name__)
            self._unavailable = True
            return SpanExportResult.FAILURE
        self._unavailable = False
        return result


class GraphEncoder(JsonV2Encoder):
    """Adds links, which Zipkin v2 does not have, and `remoteEndpoint`, from which it reads the
    peer.
    """

    def _encode_span(self, span: Any, encoded_local_endpoint: Any) -> dict[str, Any]:
        encoded: dict[str, Any] = super()._encode_span(span, encoded_local_endpoint)
        peer = peer_of(span)
        if peer is not None:
            encoded["remoteEndpoint"] = {"serviceName": peer}
        for number, link in enumerate(span.links[:MAX_LINKS]):
            context = link.context
            encoded.setdefault("tags", {})[f"link.{number}"] = f"{context.trace_id:032x}/{context.span_id:016x}"
        return encoded


def peer_of(span: ReadableSpan) -> str | None:
    """The peer of a span: the broker, or the host of an HTTP call."""
    attributes: Mapping[str, Any] = span.attributes or {}
    if span.kind in (SpanKind.PRODUCER, SpanKind.CONSUMER):
        candidates: tuple[str, ...] = (names.SYSTEM,)
    elif span.kind is SpanKind.CLIENT:
        candidates = (names.PEER_SERVICE, *names.SERVER_ADDRESS)
    else:
        return None
    return next((str(attributes[name]) for name in candidates if attributes.get(name)), None)
