"""Routes and their dependencies run on the event loop. FastAPI runs a synchronous one in a thread,
which costs more than most dependencies themselves.
"""

from collections.abc import Iterator
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant

from infra.services import SERVICES
from waypost.cli.services import service_named
from waypost.web import ops


@pytest.mark.parametrize("service", SERVICES)
def test_no_dependency_runs_in_a_thread(service: str) -> None:
    calls = list(calls_of([*service_named(service).routers, *ops.ROUTERS]))
    assert len(calls) > 40
    assert {call for call in calls if not runs_on_the_loop(call)} == set()


def calls_of(routers: list[APIRouter]) -> Iterator[Any]:
    for router in routers:
        for route in router.routes:
            if (dependant := getattr(route, "dependant", None)) is not None:
                yield from calls_in(dependant)
            elif (included := getattr(route, "original_router", None)) is not None:
                yield from calls_of([included])


def calls_in(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for dependency in dependant.dependencies:
        yield from calls_in(dependency)


def runs_on_the_loop(call: Any) -> bool:
    function = call if isfunction(call) else type(call).__call__
    return iscoroutinefunction(function) or isasyncgenfunction(function)
