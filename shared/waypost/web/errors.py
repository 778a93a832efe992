"""Maps errors to HTTP responses.

| error | status | |
|---|---|---|
| Invalid | 422 | 400 for invalid JSON or headers, 415 for another content type |
| Unauthenticated | 401 | |
| Forbidden | 403 | |
| NotFound | 404 | also for rows of another tenant |
| ConcurrencyConflict | 409 | 412 if the request has If-Match |
| Conflict | 409 | |
| TooManyRequests | 429 | with Retry-After; RateLimitExceeded with RateLimit and RateLimit-Policy |
| another Refused | 400 | |
| NotYet, Transient | 503 | with Retry-After |
| Unavailable | 503 | with its Retry-After |
| everything else | 500 | logged with its traceback; the response has no details |
"""

import math
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from waypost.kernel.errors import (
    ConcurrencyConflict,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotYet,
    Refused,
    TooManyRequests,
    Transient,
    Unauthenticated,
    Unavailable,
    WaypostError,
)
from waypost.web.problems import problem, words
from waypost.web.rate_limits import RateLimitExceeded
from waypost.web.unrouted import unrouted
from waypost.web.validation import invalid_request

log = structlog.get_logger()

# The nearest listed ancestor of an error class decides.
_STATUS: Mapping[type[Exception], int] = {
    Refused: 400,
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyRequests: 429,
    NotYet: 503,
    Transient: 503,
    Unavailable: 503,
}

_SOON = timedelta(seconds=1)


def install(app: FastAPI) -> None:
    """Installs the handlers that turn errors into problem responses. `waypost.web.request` catches
    errors outside of them.
    """
    app.exception_handler(WaypostError)(_waypost_error)
    app.exception_handler(RequestValidationError)(invalid_request)
    app.exception_handler(HTTPException)(_http)


def unexpected(error: Exception) -> Response:
    """Logs the error with its traceback. The response contains no details."""
    log.error("request_failed", error_class=type(error).__name__, exc_info=error)
    return problem(500, "unexpected", "The server failed to process the request. The request itself is not at fault.")


async def _waypost_error(request: Request, error: Exception) -> Response:
    status = _status(request, error)
    if status == 500:
        return unexpected(error)
    if status == 503:
        return _later(error)
    if isinstance(error, TooManyRequests):
        return _too_many(request, error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return problem(
        status, words(type(error)).replace(" ", "-"), str(error), title=words(type(error)).capitalize(), headers=headers
    )


def _status(request: Request, error: Exception) -> int:
    if isinstance(error, ConcurrencyConflict) and "if-match" in request.headers:
        return 412
    return status_of(type(error))


def status_of(kind: type[Exception]) -> int:
    """The HTTP status of an error class, from its nearest listed ancestor; 500 for any other."""
    return next((_STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in _STATUS), 500)


def _later(error: Exception) -> Response:
    wait = error.retry_after if isinstance(error, Unavailable) else _SOON
    # The message of a Transient comes from the driver; the message of an Unavailable is written for
    # the caller.
    detail = (
        str(error)
        if isinstance(error, Unavailable)
        else "The service is temporarily unavailable. Repeat the request later."
    )
    log.warning("request_unavailable", error_class=type(error).__name__, error=str(error))
    return problem(503, "unavailable", detail, headers={"Retry-After": str(math.ceil(wait.total_seconds()))})


def _too_many(request: Request, error: TooManyRequests) -> Response:
    headers = {"Retry-After": str(math.ceil(error.retry_after.total_seconds()))}
    if not isinstance(error, RateLimitExceeded):
        return problem(429, words(type(error)).replace(" ", "-"), str(error), headers=headers)
    limit = str(error.facts["limit"])
    request.scope["state"].setdefault("log_fields", {})["rate_limit"] = limit
    return problem(429, "rate-limit-exceeded", str(error), headers=headers | error.headers, violated_policies=[limit])


async def _http(request: Request, error: Exception) -> Response:
    """Handles errors of the framework: unknown route or method, unreadable body."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code in (404, 405):
        return unrouted(request)
    name = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(error.status_code, name, str(error.detail), headers=error.headers)
