"""Metric families that the processes export at `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

from infra.reference.markdown import code, page, table
from waypost.telemetry import metrics

Family = Counter | Gauge | Histogram


def metrics_page() -> str:
    families = [value for value in vars(metrics).values() if isinstance(value, Family)]
    rows = [
        (
            code(_name(family)),
            type(family).__name__.lower(),
            ", ".join(map(code, family._labelnames)),
            family._documentation,
        )
        for family in families
    ]
    return page(
        "Metrics",
        "Prometheus metric families, at `/metrics` of each process. Base units: seconds, bytes, records.",
        table(("metric", "type", "labels", "meaning"), rows),
    )


def _name(family: Family) -> str:
    """With the suffix under which a counter is exported."""
    return f"{family._name}_total" if isinstance(family, Counter) else family._name
