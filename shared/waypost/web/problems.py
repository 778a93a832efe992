"""Error responses as `application/problem+json` (RFC 9457)."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from opentelemetry import trace
from starlette.responses import JSONResponse

from waypost.kernel.cause import current_cause
from waypost.project import project

MEDIA_TYPE = "application/problem+json"

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def problem(
    status: int,
    name: str,
    detail: str,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """Builds a problem response. `type` is `<problem_prefix><name>`, `instance` the id of the
    request, `trace_id` null if tracing is disabled.
    """
    content = {
        "type": project().problem_prefix + name,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": printable(detail),
        "instance": f"urn:uuid:{current_cause().causation_id}",
        "trace_id": trace_id(),
        **members,
    }
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def words(kind: type[object]) -> str:
    """`InvoiceNotDraft` → `invoice not draft`."""
    return _WORDS.sub(" ", kind.__name__).lower()


def printable(text: str) -> str:
    """The text as valid UTF-8: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
