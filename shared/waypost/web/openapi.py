"""The parts of the OpenAPI document that all routes share: the description and the error
responses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import Field

from waypost.web.examples import NAMED, add_examples
from waypost.web.models import ResponseModel
from waypost.web.problems import MEDIA_TYPE
from waypost.web.wait_documents import add_waits

DESCRIPTION = """\
Errors are problems (RFC 9457) with a `trace_id`. Lists are paginated: pass `next_cursor` as `cursor` for the next page.
A request with an `Idempotency-Key` can be repeated safely: it has one effect and one response.
A response to a write has a `Write-Token`. A read with it and `Prefer: wait=5`, at any service, is answered when that service
has handled the write, or after 5 seconds; `Write-Token-Status` says which.
The events that this service publishes and handles are documented at [/asyncapi](/asyncapi).
"""


class InvalidPart(ResponseModel):
    """One invalid part of a request."""

    where: str = Field(alias="in", description="body, query, path or header")
    pointer: str
    """JSON Pointer (RFC 6901)."""
    code: str
    """Pydantic's name of the error. Stable, for programs."""
    detail: str


class Problem(ResponseModel):
    """A problem (RFC 9457)."""

    type: str
    """A URI that ends with the name of the problem. Stable, for programs."""
    title: str
    status: int
    detail: str
    """Explanation for people."""
    instance: str
    """Id of the request, as a URN."""
    trace_id: str | None
    """Null if tracing is disabled."""
    errors: Sequence[InvalidPart] = ()
    """The invalid parts, for a malformed request."""


EXAMPLE = {
    "type": "urn:problem:not-found",
    "title": "Not found",
    "status": 404,
    "detail": "there is no invoice 01a21327-343b-78b8-828e-29818cbf217b",
    "instance": "urn:uuid:01a21327-360b-73d6-a50d-2e8f263cabef",
    "trace_id": "9f790493053432cba59892eac5352624",
    "errors": [],
}
FAILURES: Mapping[int | str, dict[str, Any]] = {
    "default": {
        "description": "The request failed.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": EXAMPLE}},
    }
}
"""Added to every route. FastAPI then omits its own schema of a 422, which the toolkit never
returns.
"""


def install(app: FastAPI) -> None:
    """Adds the schemas that the error responses refer to, and an example to each body, with the
    values of `app.state.examples`.
    """
    app.state.examples = {}
    make = app.openapi

    def described() -> dict[str, Any]:
        document = make()
        shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document.setdefault("components", {}).setdefault("schemas", {}).update({**shape.pop("$defs"), "Problem": shape})
        add_examples(document, {**NAMED, **app.state.examples})
        add_waits(app, document)
        return document

    app.openapi = described  # type: ignore[method-assign]  # the documented way to extend FastAPI's document
