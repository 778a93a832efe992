"""Metrics of the processes, for Prometheus: public API, each spelled once. Base units: seconds, bytes, records."""

from prometheus_client import Histogram

# HTTP

HTTP_REQUEST_SECONDS = Histogram(
    "waypost_http_request_seconds",
    "Duration of HTTP requests by route template and status; 0 is a request whose client went away.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def known_method(method: str) -> str:
    """The method as a label: a client cannot make new series by inventing methods."""
    return method if method in _METHODS else "other"
