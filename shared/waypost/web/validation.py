"""Describes an invalid request, field by field. Never quotes the input, because it may be a
password.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from waypost.web.problems import printable, problem

MAX_ERRORS = 20
MAX_NAME = 64


async def invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors: Sequence[Mapping[str, Any]] = error.errors()
    if _not_declared_as_json(request, errors):
        return problem(415, "unsupported-media-type", "Send the body as application/json.")
    if any(item["type"] == "json_invalid" for item in errors):
        return problem(400, "malformed-json", "The body is not JSON.", errors=[_described(item) for item in errors])
    status = 400 if any(item["loc"][0] == "header" for item in errors) else 422
    described = [_described(item) for item in errors[:MAX_ERRORS]]
    return problem(status, "invalid", "The request is invalid; `errors` lists the invalid parts.", errors=described)


def _not_declared_as_json(request: Request, errors: Sequence[Mapping[str, Any]]) -> bool:
    """FastAPI passes a body of another content type as bytes, which no model accepts."""
    essence = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = essence == "application/json" or essence.endswith("+json")
    return not is_json and any(tuple(error["loc"]) == ("body",) and error["type"] != "missing" for error in errors)


def _described(error: Mapping[str, Any]) -> Mapping[str, str]:
    place, *path = error["loc"]
    detail = _message(error)
    if error["type"] == "json_invalid":  # its path is the parser's position, not a JSON Pointer
        detail, path = f"{error['msg']} after {path[0]} characters", []
    return {
        "in": str(place),
        "pointer": "".join(f"/{printable(str(step))[:MAX_NAME]}" for step in path),
        "code": str(error["type"]),
        "detail": printable(detail),
    }


def _message(error: Mapping[str, Any]) -> str:
    """Pydantic's message without the part that quotes the input."""
    message = str(error["msg"])
    if error["type"].endswith("_parsing"):
        return message.partition(",")[0]
    if "reason" in error.get("ctx", {}):
        return message.partition(":")[0]
    return message.removeprefix("Value error, ")
