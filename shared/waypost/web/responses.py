"""Responses with their headers."""

from pydantic import BaseModel
from starlette.responses import Response

from waypost.web.etag import etag


def shown(view: BaseModel, *, status: int = 200, location: str | None = None, version: int | None = None) -> Response:
    """The view as JSON, with `ETag` from `version` and `Location` from `location` if given."""
    headers = {"location": location} if location else {}
    if version is not None:
        headers["etag"] = etag(version)
    return Response(view.model_dump_json(), status, headers, media_type="application/json")


def created(view: BaseModel, location: str, *, version: int | None = None) -> Response:
    """201 with `Location`."""
    return shown(view, status=201, location=location, version=version)
