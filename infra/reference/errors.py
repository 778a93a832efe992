"""The error classes of the toolkit and the services, with their effect in a request, in a
consumer's handler and in a job.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import NamedTuple

from infra.reference.markdown import code, page, table
from infra.stack.places import CHECKOUT, TOOLKIT
from waypost.engine.retry import RETRYABLE, RetryPolicy, failure_of
from waypost.jobs.worker.failure import is_final
from waypost.kernel.errors import (
    ConcurrencyConflict,
    NotYet,
    Permanent,
    Poison,
    Refused,
    Transient,
    Unavailable,
    WaypostError,
)
from waypost.web.errors import status_of

PACKAGES = ("waypost", "services")
CLASS = re.compile(r"^class (\w+)(?:\[.*\])?\(([^)]*)\)", flags=re.MULTILINE)
NAME = re.compile(r"\w+")

CLASSIFIED = (Refused, Unavailable, Transient, NotYet, Permanent, Poison)
"""Errors that a request, a consumer or a job worker treats by their class."""

INTRODUCTION = f"""\
Every error class below `WaypostError`. An HTTP response carries it as a problem document (RFC 9457).

The columns show the effect of an error in a request, in a consumer's handler and in a job. A
consumer rolls its transaction back first. A dead letter or a job that is dead waits for an
operator. `–` marks an error that its caller handles, or that ends the process or the command. If
such an error, or an exception of another class, leaves a handler, a request answers 500, the event
is dead after {RetryPolicy().max_attempts} attempts and the job after its last one.
[Architecture](../architecture.md#6-errors-decide-what-happens) states the rules."""


class DeclaredClass(NamedTuple):
    module: str
    name: str
    bases: frozenset[str]


def errors_page() -> str:
    sections = []
    for package in PACKAGES:
        rows = [
            (code(kind.__name__), code(kind.__module__), *effects_of(kind), (kind.__doc__ or "").split("\n\n")[0])
            for kind in _errors_of(package)
        ]
        header = ("error", "module", "request", "consumer", "job", "meaning")
        sections.append(f"## `{package}`\n\n{table(header, rows)}")
    return page("Errors", INTRODUCTION, *sections)


def effects_of(kind: type[WaypostError]) -> tuple[str, str, str]:
    """Its effect in a request, in a consumer's handler and in a job."""
    if not issubclass(kind, CLASSIFIED):
        return "–", "–", "–"
    return _in_a_request(kind), _in_a_consumer(kind), _in_a_job(kind)


def _in_a_request(kind: type[WaypostError]) -> str:
    status = status_of(kind)
    if status == 503:
        return "503 with Retry-After"
    return f"{status}; 412 with If-Match" if issubclass(kind, ConcurrencyConflict) else str(status)


def _in_a_consumer(kind: type[WaypostError]) -> str:
    failure = failure_of(_instance(kind))
    if issubclass(kind, RETRYABLE):
        return "the batch is retried"
    if failure.uses_no_attempt:
        return "the key is parked and retried without a limit"
    return f"{RetryPolicy().max_attempts} attempts, then dead" if failure.retryable else "dead at once"


def _in_a_job(kind: type[WaypostError]) -> str:
    if is_final(_instance(kind)):
        return "dead at once"
    limit = ", without a limit" if failure_of(_instance(kind)).uses_no_attempt else ""
    pause = ", not before its `retry_after`" if issubclass(kind, Unavailable) else ""
    return f"next attempt{limit}{pause}"


def _instance(kind: type[WaypostError]) -> WaypostError:
    """An instance without the arguments of its constructor, for functions that test its class."""
    return kind.__new__(kind)


def _errors_of(package: str) -> list[type[WaypostError]]:
    for module in modules_with_errors():
        import_module(module)
    found = {kind for kind in below(WaypostError) if kind.__module__.partition(".")[0] == package}
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


@cache
def modules_with_errors() -> Sequence[str]:
    """Modules with a class whose bases lead to `WaypostError`, by the names in their sources. Only
    these are imported: all modules take three seconds.
    """
    names, declared = {WaypostError.__name__}, list(_declared_classes())
    while found := {each.name for each in declared if names.intersection(each.bases)} - names:
        names |= found
    return sorted({each.module for each in declared if each.name in names})


def _declared_classes() -> Iterator[DeclaredClass]:
    for root, package in ((TOOLKIT, "waypost"), (CHECKOUT, "services")):
        for file in sorted((root / package).rglob("*.py")):
            module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            for name, bases in CLASS.findall(file.read_text(encoding="utf-8")):
                yield DeclaredClass(module, name, frozenset(NAME.findall(bases)))


def below(kind: type[WaypostError]) -> Iterator[type[WaypostError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)
