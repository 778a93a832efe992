"""A job's arguments, typed by its handler's signature: stored as JSON, restored unchanged.

An argument is a str, int, bool, UUID, datetime, date or Decimal, or a list of one of these; each
may be `| None`. A stored object would be outdated when the job runs: a job receives its id and
loads it.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, get_origin, get_type_hints

from waypost.jobs.context import JobContext
from waypost.jobs.parameter import JsonArgument, Parameter, parameter_of
from waypost.kernel.errors import Invalid, Misconfigured, Permanent
from waypost.ports.jobs import JobArgument

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_RESERVED = ("name", "idempotency_key", "run_at", "priority", "owner_id")


def parameters_of(handler: Callable[..., Any]) -> Mapping[str, Parameter]:
    """The handler's parameters after the first, the JobContext.

    Raises Misconfigured for a type that jobs do not accept, and for a handler that a worker cannot
    call.
    """
    hints, described = get_type_hints(handler), list(inspect.signature(handler).parameters.values())
    if not inspect.iscoroutinefunction(handler):
        raise Misconfigured(
            f"job {handler.__name__}: a handler must be an async function; a synchronous one would block every other job"
        )
    first = hints.get(described[0].name) if described else None
    if (get_origin(first) or first) is not JobContext:
        raise Misconfigured(
            f"job {handler.__name__}: the first parameter must be the job's context; annotate it as JobContext"
        )
    return {
        parameter.name: _parameter(handler.__name__, parameter, hints.get(parameter.name))
        for parameter in described[1:]
    }


def _parameter(job: str, described: inspect.Parameter, hint: Any) -> Parameter:
    required = described.default is inspect.Parameter.empty
    parameter = parameter_of(f"job {job}: {described.name}", hint, required=required)
    if described.kind not in _BY_NAME:
        raise Misconfigured(f"job {job}: {described} cannot be passed by name; enqueue() passes every argument by name")
    if described.name in _RESERVED:
        raise Misconfigured(f"job {job}: {described.name} is an argument of enqueue() itself; rename the parameter")
    return parameter


def to_stored(
    job: str, parameters: Mapping[str, Parameter], arguments: Mapping[str, JobArgument]
) -> dict[str, JsonArgument]:
    """The arguments as JSON values. Raises Invalid for an argument that is missing, unknown, or of
    another type than the handler's.
    """
    unknown = arguments.keys() - parameters.keys()
    if unknown:
        raise Invalid(f"job {job} takes no {', '.join(sorted(unknown))}; it takes {', '.join(parameters) or 'nothing'}")
    missing = [name for name, parameter in parameters.items() if parameter.required and name not in arguments]
    if missing:
        raise Invalid(f"job {job} needs {', '.join(missing)}")
    return {name: parameters[name].to_json(f"job {job}: {name}", value) for name, value in arguments.items()}


def from_stored(
    job: str, parameters: Mapping[str, Parameter], stored: Mapping[str, JsonArgument]
) -> dict[str, JobArgument]:
    """The handler's arguments from JSON values. Raises Permanent if the current handler takes other
    arguments.
    """
    try:
        restored = {name: parameters[name].from_json(value) for name, value in stored.items()}
        to_stored(job, parameters, restored)
    except (KeyError, ValueError, ArithmeticError, Invalid) as error:
        raise Permanent(f"the stored arguments of job {job} do not fit its handler: {error}") from error
    return restored


def from_text(
    job: str, parameters: Mapping[str, Parameter], typed_in: Mapping[str, JsonArgument]
) -> dict[str, JobArgument]:
    """Arguments typed by an operator, as the handler's types; a list is typed as a JSON array.

    Raises Invalid as `to_stored` does, and for text that is not valid for its parameter's type.
    """
    read: dict[str, JobArgument] = {}
    for name, typed in typed_in.items():
        parameter = parameters.get(name)
        try:
            read[name] = parameter.from_text(typed) if parameter else typed
        except (ValueError, KeyError, ArithmeticError) as error:
            raise Invalid(_unreadable(f"job {job}: {name}", parameters[name], typed)) from error
    to_stored(job, parameters, read)
    return read


def _unreadable(label: str, parameter: Parameter, typed: JsonArgument) -> str:
    form = f"; a list is a JSON array, such as {json.dumps(['…', '…'], ensure_ascii=False)}" if parameter.many else ""
    return f"{label} takes {parameter.type_name}, not {typed!r}{form}"
