"""The page of a trace in the viewer (Zipkin), for commands that only print its address."""

from waypost.cli.services import stack_setting
from waypost.kernel.errors import Misconfigured

ENDPOINT_VARIABLE = "OTEL_EXPORTER_ZIPKIN_ENDPOINT"
SPANS_PATH = "/api/v2/spans"


def viewer_url() -> str:
    """URL of the viewer that the services export their spans to. Raises Misconfigured for another
    exporter.
    """
    endpoint = stack_setting(ENDPOINT_VARIABLE)
    if not endpoint.endswith(SPANS_PATH):
        raise Misconfigured(f"{ENDPOINT_VARIABLE} is {endpoint!r}; it must end with {SPANS_PATH}")
    return endpoint.removesuffix(SPANS_PATH)


def page_of(viewer: str, trace_id: str) -> str:
    return f"{viewer}/zipkin/traces/{trace_id}"
