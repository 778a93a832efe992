"""What the API's document says of every route alike: how it fails."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import Field

from waypost.web.models import ResponseModel
from waypost.web.problems import MEDIA_TYPE

DESCRIPTION = """\
Whatever fails is told as a problem (RFC 9457) with its `trace_id`. Lists come in pages: hand `next_cursor` back as `cursor`.
A request with an `Idempotency-Key` may be sent again: it has one effect and one answer.
The events that this service publishes and handles are shown at [/asyncapi](/asyncapi).
"""


class Misfit(ResponseModel):
    """One place of a request that does not have the shape that is expected there."""

    where: str = Field(alias="in", description="body, query, path or header")
    pointer: str
    """RFC 6901."""
    code: str
    """Stable, for programs: Pydantic's name for what is wrong."""
    detail: str


class Problem(ResponseModel):
    """RFC 9457."""

    type: str
    """A URI that ends with the problem's name: stable, for programs."""
    title: str
    status: int
    detail: str
    """For people."""
    instance: str
    """The request's id, as a URN."""
    trace_id: str | None
    """Null where nothing is traced."""
    errors: Sequence[Misfit] = ()
    """Of a malformed request alone."""


FAILURES: Mapping[int | str, dict[str, Any]] = {
    "default": {
        "description": "It failed.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""Said of every route; FastAPI leaves out its own shape of a 422 then, which no answer of ours has.
"""


def install(app: FastAPI) -> None:
    """Adds the shapes that the failures refer to."""
    make = app.openapi

    def described() -> dict[str, Any]:
        document = make()
        shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document.setdefault("components", {}).setdefault("schemas", {}).update({**shape.pop("$defs"), "Problem": shape})
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to extend its document
