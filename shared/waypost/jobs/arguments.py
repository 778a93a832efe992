"""A job's arguments: the ids and scalars that its handler's signature names, stored as JSON and given back as what they were.

An object that was stored would be stale when the job runs; an id is read again.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from waypost.jobs.context import JobContext
from waypost.kernel.errors import Invalid, Misconfigured, Permanent
from waypost.kernel.text import is_storable
from waypost.ports.jobs import Scalar

JsonScalar = str | int | bool | None

LONGEST_TEXT = 1_000
"""Characters. Whoever needs more is passing a thing instead of its id."""

_KINDS = (str, int, bool, UUID, datetime)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_OF_ENQUEUE = ("name", "idempotency_key", "run_at", "priority", "owner_id")


@dataclass(frozen=True, slots=True)
class Parameter:
    kind: type
    nullable: bool
    required: bool

    def fits(self, value: object) -> bool:
        if value is None:
            return self.nullable
        if self.kind is int and isinstance(value, bool):
            return False
        return isinstance(value, self.kind)


def parameters_of(handler: Callable[..., Any]) -> Mapping[str, Parameter]:
    """Those after the first, the JobContext. Raises Misconfigured for one that is no id and no scalar, and for what no worker can call."""
    hints, described = get_type_hints(handler), list(inspect.signature(handler).parameters.values())
    if not inspect.iscoroutinefunction(handler):
        raise Misconfigured(
            f"job {handler.__name__}: a handler is an async function; a plain one would hold up every other job"
        )
    first = hints.get(described[0].name) if described else None
    if (get_origin(first) or first) is not JobContext:
        raise Misconfigured(
            f"job {handler.__name__}: the first parameter is the job's context; annotate it as JobContext"
        )
    return {each.name: _parameter(handler.__name__, each, hints.get(each.name)) for each in described[1:]}


def _parameter(job: str, described: inspect.Parameter, hint: Any) -> Parameter:
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [getattr(each, "__supertype__", each) for each in members if each is not NoneType]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        raise Misconfigured(
            f"job {job}: {described.name} is {hint}; a job takes str, int, bool, UUID and datetime. Pass the id of a thing"
            " and read it again when the job runs"
        )
    if described.kind not in _BY_NAME:
        raise Misconfigured(f"job {job}: {described} is not given by its name; enqueue() names every argument")
    if described.name in _OF_ENQUEUE:
        raise Misconfigured(f"job {job}: {described.name} is a word of enqueue() itself; name the parameter otherwise")
    return Parameter(kinds[0], NoneType in members, described.default is inspect.Parameter.empty)


def to_stored(job: str, parameters: Mapping[str, Parameter], arguments: Mapping[str, Scalar]) -> dict[str, JsonScalar]:
    """Raises Invalid for an argument that is missing, unknown, or of another type than the handler takes."""
    unknown = arguments.keys() - parameters.keys()
    if unknown:
        raise Invalid(f"job {job} takes no {', '.join(sorted(unknown))}; it takes {', '.join(parameters) or 'nothing'}")
    missing = [name for name, each in parameters.items() if each.required and name not in arguments]
    if missing:
        raise Invalid(f"job {job} needs {', '.join(missing)}")
    return {name: _stored(job, name, parameters[name], value) for name, value in arguments.items()}


def _stored(job: str, name: str, parameter: Parameter, value: Scalar) -> JsonScalar:
    if not parameter.fits(value):
        raise Invalid(
            f"job {job}: {name} takes {parameter.kind.__name__}, not {type(value).__name__}. Pass ids and scalars;"
            " the job reads the rest again when it runs"
        )
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise Invalid(f"job {job}: {name} is longer than {LONGEST_TEXT} characters. Store it, and pass its id")
        if not is_storable(value):
            raise Invalid(f"job {job}: {name} holds a NUL or half a surrogate pair, which PostgreSQL stores in no text")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Invalid(f"job {job}: {name} has no time zone; times are aware")
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def from_stored(job: str, parameters: Mapping[str, Parameter], stored: Mapping[str, JsonScalar]) -> dict[str, Scalar]:
    """Back to the handler's types. Raises Permanent where this release's handler takes other arguments than were stored."""
    try:
        restored = {name: _restored(parameters[name].kind, value) for name, value in stored.items()}
        to_stored(job, parameters, restored)
    except (KeyError, ValueError, Invalid) as error:
        raise Permanent(f"the stored arguments of job {job} do not fit its handler any more: {error}") from error
    return restored


def from_text(job: str, parameters: Mapping[str, Parameter], typed_in: Mapping[str, JsonScalar]) -> dict[str, Scalar]:
    """What a person typed, as the handler's types. Raises Invalid as `to_stored` does, and for text that is nothing of its kind."""
    read: dict[str, Scalar] = {}
    for name, typed in typed_in.items():
        kind = parameters[name].kind if name in parameters else str
        try:
            read[name] = _read(kind, typed) if isinstance(typed, str) else typed
        except (ValueError, KeyError) as error:
            raise Invalid(f"job {job}: {name} takes {kind.__name__}, not {typed!r}") from error
    to_stored(job, parameters, read)
    return read


def _read(kind: type, typed: str) -> Scalar:
    if kind is bool:
        return {"true": True, "false": False}[typed]
    return int(typed) if kind is int else _restored(kind, typed)


def _restored(kind: type, value: JsonScalar) -> Scalar:
    if isinstance(value, str) and kind is UUID:
        return UUID(value)
    if isinstance(value, str) and kind is datetime:
        return datetime.fromisoformat(value)
    return value
