"""Responses with their headers. The version of an aggregate is its entity tag (RFC 9110, section
8.8.3), so that a client cannot overwrite a version that it has not read.
"""

import re
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel
from starlette.responses import Response

from waypost.kernel.errors import Invalid

_IF_MATCH = "`ETag` of the version that the client read. The response is 412 if the version changed since."
_STRONG = re.compile(r'"([1-9][0-9]{0,17})"')


class MalformedEntityTag(Invalid):
    """If-Match must be one entity tag from a response, or *."""


def shown(view: BaseModel, *, status: int = 200, location: str | None = None, version: int | None = None) -> Response:
    """The view as JSON, with `ETag` from `version` and `Location` from `location` if given."""
    headers = {"location": location} if location else {}
    if version is not None:
        headers["etag"] = f'"{version}"'
    return Response(view.model_dump_json(), status, headers, media_type="application/json")


def created(view: BaseModel, location: str, *, version: int | None = None) -> Response:
    """201 with `Location`."""
    return shown(view, status=201, location=location, version=version)


async def _expected_version(if_match: Annotated[str | None, Header(description=_IF_MATCH)] = None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _STRONG.fullmatch(if_match.strip())
    if match is None:
        raise MalformedEntityTag
    return int(match[1])


ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version in If-Match, or None. The route passes it to the command, whose handler calls
`aggregate.expect(version)`. The ConcurrencyConflict becomes a 412.
"""
