"""One HTTP request: the dependency that gives its route the bus, the resources and the time of the
process; and the middleware that assigns the request id and the cause, writes one log line and one
metric, and answers 500 to any unexpected error.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Generic
from uuid import UUID

import structlog
from fastapi import Depends, FastAPI
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import TypeVar  # the standard library's takes a default from 3.13 on

from waypost.engine.bus import Bus
from waypost.kernel.actor import bound_actor
from waypost.kernel.cause import Cause, bound_cause
from waypost.kernel.ids import new_id
from waypost.kernel.tenant import bound_tenants
from waypost.kernel.writes import Writes, bound_writes
from waypost.telemetry import metrics, names
from waypost.telemetry.redaction import is_secret
from waypost.telemetry.spans import record_failure
from waypost.telemetry.tracing import current_trace
from waypost.web.errors import unexpected
from waypost.web.problems import problem
from waypost.web.security_headers import add_security_headers

R = TypeVar("R", default=None)
log = structlog.get_logger()
_tracer = trace.get_tracer("waypost.web")

REQUEST_ID = "X-Request-Id"
CORRELATION_ID = "X-Correlation-Id"
WRITE_TOKEN = "Write-Token"  # noqa: S105 - a header field

_WAITED = "waited_seconds"


class RequestContext(Generic[R]):
    """Access to the service for one request. R is the type that the service's `api_resources`
    opens.
    """

    def __init__(self, request: Request) -> None:
        self.bus: Bus = request.app.state.bus
        self.resources: R = request.app.state.resources
        self.now: datetime = request.app.state.clock.now()


async def request_context(request: Request) -> RequestContext[Any]:
    return RequestContext(request)


Context = Annotated[RequestContext, Depends(request_context)]
"""A parameter of any route. A service with resources declares its own type:
`Annotated[RequestContext[Resources], Depends(request_context)]`.
"""


class RequestMiddleware:
    """Assigns the request id and the cause, writes one log line and one metric, and answers 500 to
    unexpected errors. The outermost middleware, inside the framework's server span.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cause = _cause(Headers(scope=scope))
        scope.setdefault("state", {})
        writes = Writes()
        with bound_cause(cause), bound_actor(None), bound_tenants(()), bound_writes(writes), _logged(cause):
            await _Exchange(self._app, scope, send, cause, writes).run(receive)


@contextmanager
def _logged(cause: Cause) -> Iterator[None]:
    """Adds the request's id to the log lines of the block. Authentication adds the tenant."""
    with structlog.contextvars.bound_contextvars(request_id=str(cause.causation_id)):
        try:
            yield
        finally:
            structlog.contextvars.unbind_contextvars("tenant_id")


class _Exchange:
    def __init__(self, app: ASGIApp, scope: Scope, send: Send, cause: Cause, writes: Writes) -> None:
        self._app = app
        self._scope = scope
        self._send_out = send
        self._cause = cause
        self._writes = writes
        self._status: int | None = None
        self._failure: str | None = None
        self._began = time.perf_counter()

    async def run(self, receive: Receive) -> None:
        try:
            if _holds_nul(self._scope):
                await problem(400, "malformed-url", "The URL contains a NUL character.")(
                    self._scope, receive, self._send
                )
            else:
                await self._app(self._scope, receive, self._send)
        except Exception as error:
            self._failure = type(error).__name__
            if self._status is not None:  # the response has started, so it can only be aborted
                raise
            await unexpected(error)(self._scope, receive, self._send)
        finally:
            self._log()

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = str(self._cause.causation_id)
            if message["status"] < 400:
                if (token := self._writes.token()) is not None:
                    headers[WRITE_TOKEN] = token
                for name, value in self._scope["state"].get("response_headers", ()):
                    headers.append(name, value)
            add_security_headers(message, self._scope)
            _clean_span(self._scope)
        await self._send_out(message)

    def _log(self) -> None:
        seconds = time.perf_counter() - self._began
        route = route_of(self._scope) or "unmatched"
        method = self._scope["method"]
        if route in UNLOGGED:
            return
        busy = max(seconds - self._scope["state"].get(_WAITED, 0.0), 0.0)
        metrics.HTTP_REQUEST_SECONDS.labels(metrics.known_method(method), route, self._status or 0).observe(busy)
        log.info(
            "http_request",
            method=method,
            path=shown_path(self._scope),
            status=self._status,
            duration_ms=round(seconds * 1000, 2),
            **self._scope["state"].get("log_fields", {}),
        )
        if self._failure or (self._status or 0) >= 500:
            _record_failure(self._scope, route, self._status, self._failure or str(self._status), seconds)


UNLOGGED = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that probes call every few seconds. They are not traced, logged or measured."""


def add_to_log(scope: Scope, **fields: str) -> None:
    """Adds fields to the request's log line."""
    scope["state"].setdefault("log_fields", {}).update(fields)


def add_response_headers(scope: Scope, *fields: tuple[str, str]) -> None:
    """Adds header fields to the response of the request, unless it is an error."""
    scope["state"].setdefault("response_headers", []).extend(fields)


def add_wait(scope: Scope, seconds: float) -> None:
    """Excludes a time that the request preferred to wait from the metric of durations."""
    state = scope["state"]
    state[_WAITED] = state.get(_WAITED, 0.0) + seconds


def route_of(scope: Scope) -> str | None:
    """The matched path template, such as `/invoices/{id}`."""
    # A nested router knows only its own part of the path; the framework stores the whole template
    # here.
    whole = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(whole or scope.get("route"), "path", None)
    return path if isinstance(path, str) else None


def shown_path(scope: Scope) -> str:
    """The path for logs and spans. Includes ids; every other value of a `{name}` stays hidden,
    because it may be a secret.
    """
    template = route_of(scope)
    if template is None:
        return "unmatched"
    parameters: Mapping[str, object] = scope.get("path_params", {})
    for name, value in parameters.items():
        if _uuid(str(value)) and not is_secret(name):
            template = template.replace(f"{{{name}}}", str(value))
    return template


def _cause(headers: Headers) -> Cause:
    request_id = new_id()
    running = current_trace()
    return Cause(
        correlation_id=_uuid(headers.get(CORRELATION_ID)) or request_id,
        causation_id=request_id,
        traceparent=running.traceparent if running else None,
        tracestate=running.tracestate if running else None,
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _holds_nul(scope: Scope) -> bool:
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def _clean_span(scope: Scope) -> None:
    """Removes the full URL from the framework's span: it may contain a token or an address."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attribute(names.URL_PATH, shown_path(scope))
        if scope["query_string"]:
            span.set_attribute(names.URL_QUERY, names.REDACTED)


def _record_failure(scope: Scope, route: str, status: int | None, failure: str, seconds: float) -> None:
    """Records a failed request whose trace is not sampled."""
    if trace.get_current_span().get_span_context().trace_flags.sampled:
        return
    method, began_ns = metrics.known_method(scope["method"]), time.time_ns() - int(seconds * 1e9)
    attributes: dict[str, str | int] = {
        names.HTTP_METHOD: method,
        names.HTTP_ROUTE: route,
        names.HTTP_STATUS: status or 0,
        names.URL_PATH: shown_path(scope),
        names.ERROR_TYPE: failure,
    }
    name, parent = f"{method} {route}", get_current()
    record_failure(_tracer, name, SpanKind.SERVER, attributes, failure, parent=parent, began_ns=began_ns)


def install(app: FastAPI) -> None:
    app.add_middleware(RequestMiddleware)
