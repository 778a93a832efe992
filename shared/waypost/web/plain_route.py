"""Serves valid requests of a plain route without the framework's solver of dependencies. The solver
costs more than the dependencies. Every other request goes to the framework, which describes what is
invalid.
"""

import inspect
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import HTTPException
from fastapi.params import Body, Form
from fastapi.routing import APIRoute, RouteContext
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")
Values = dict[str, Any]

_JSON = "application/json"


def plain_app(route: RouteContext) -> ASGIApp | None:
    """The application of a plain route, None for any other.

    A plain route returns a Response. Its parameters are in the path, the query, the headers and the
    cookies, and one JSON body. Each dependency is an async callable that needs only such parameters
    and the request, and no other dependency. A route of a subclass, or with a limit of its own for
    bodies, is not plain: the framework's handler enforces these.
    """
    if type(route.original_route) is not APIRoute or route.max_body_size is not None:
        return None
    endpoint: Dependant = route.dependant
    callables = (endpoint, *endpoint.dependencies)
    is_plain = (
        all(map(_is_plain, callables))
        and not any(each.body_params or each.dependencies for each in endpoint.dependencies)
        and len({id(each.call) for each in callables}) == len(callables)  # the framework calls each once
        and len(endpoint.body_params) <= 1
        and all(_is_json_model(field.field_info) for field in endpoint.body_params)
        and _returns_response(endpoint.call)
    )
    return _PlainRoute(route).serve if is_plain else None


def _is_plain(dependant: Dependant) -> bool:
    call: Any = dependant.call
    needs_more = (
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.concurrency,
    )
    return any(map(inspect.iscoroutinefunction, (call, type(call).__call__))) and not any(needs_more)


def _is_json_model(info: Any) -> bool:
    is_json = isinstance(info, Body) and not isinstance(info, Form) and info.media_type == _JSON and not info.embed
    return is_json and isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)


def _returns_response(call: Any) -> bool:
    try:
        returned = inspect.signature(call, eval_str=True).return_annotation
    except NameError:  # a name that only type checkers import
        return False
    return isinstance(returned, type) and issubclass(returned, Response)


class _Invalid(Exception):
    """The request is not valid: the framework serves it."""


class _PlainRoute:
    def __init__(self, route: RouteContext) -> None:
        self._endpoint: Dependant = route.dependant
        self._dependencies = self._endpoint.dependencies
        self._framework: ASGIApp = route.app
        self._application: Any = route.dependency_overrides_provider

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        body = await _read_body(request) if self._endpoint.body_params else None
        try:
            values = self._all_values(request, body)
        except _Invalid:
            await self._framework(scope, receive if body is None else _replayed(body, receive), send)
            return
        response = await self._run(*values)
        await response(scope, receive, send)

    def _all_values(self, request: Request, body: bytes | None) -> list[Values]:
        """The values for the endpoint, then for each dependency. Raises _Invalid."""
        if getattr(self._application, "dependency_overrides", None):
            raise _Invalid
        own = _values_of(self._endpoint, request)
        if body is not None:
            (field,) = self._endpoint.body_params
            own[field.name] = _valid(*field.validate(_json(request, body), {}, loc=("body",)))
        return [own, *(_values_of(each, request) for each in self._dependencies)]

    async def _run(self, values: Values, *of_dependencies: Values) -> Response:
        for dependency, parameters in zip(self._dependencies, of_dependencies, strict=True):
            solved = await _call(dependency, parameters)
            if dependency.name is not None:
                values[dependency.name] = solved
        response: Response = await _call(self._endpoint, values)
        return response


async def _call(dependant: Dependant, values: Values) -> Any:
    assert dependant.call is not None  # noqa: S101 - a plain route has no other
    return await dependant.call(**values)


def _values_of(dependant: Dependant, request: Request) -> Values:
    """Raises _Invalid for an invalid parameter."""
    values: Values = {}
    if dependant.request_param_name:
        values[dependant.request_param_name] = request
    if dependant.path_params:
        values |= _valid(*request_params_to_args(dependant.path_params, request.path_params))
    if dependant.query_params:
        values |= _valid(*request_params_to_args(dependant.query_params, request.query_params))
    if dependant.header_params:
        values |= _valid(*request_params_to_args(dependant.header_params, request.headers))
    if dependant.cookie_params:
        values |= _valid(*request_params_to_args(dependant.cookie_params, request.cookies))
    return values


def _valid(value: T, errors: Sequence[Any]) -> T:
    if errors:
        raise _Invalid
    return value


def _json(request: Request, body: bytes) -> Any:
    """Raises _Invalid for a body that is not JSON, or not declared as JSON in the usual form."""
    if request.headers.get("content-type") != _JSON:
        raise _Invalid
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Invalid from error


async def _read_body(request: Request) -> bytes:
    """Raises the framework's error for a body that cannot be read."""
    try:
        return await request.body()
    except Exception as error:
        raise HTTPException(status_code=400, detail="There was an error parsing the body") from error


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Returns the body that has been read, then what follows it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        return next(messages, None) or await receive()

    return replayed
