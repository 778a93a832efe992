"""An aggregate's version as its entity tag (RFC 9110 section 8.8.3), so that a client changes only
what it has seen.
"""

import re
from typing import Annotated

from fastapi import Depends, Header

from waypost.kernel.errors import Invalid

_IF_MATCH = "The `ETag` that was seen: 412 where somebody was faster."
_STRONG = re.compile(r'"([1-9][0-9]{0,17})"')


class MalformedEntityTag(Invalid):
    """If-Match takes one entity tag as an answer gave it, or *."""


def etag(version: int) -> str:
    return f'"{version}"'


def _expected_version(if_match: Annotated[str | None, Header(description=_IF_MATCH)] = None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _STRONG.fullmatch(if_match.strip())
    if match is None:
        raise MalformedEntityTag
    return int(match[1])


ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version in If-Match, for the command, whose handler says `aggregate.expect(...)`; the
ConcurrencyConflict becomes a 412.
"""
