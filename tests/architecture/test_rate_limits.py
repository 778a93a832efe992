"""Every route without a token declares its limits, and the page of limits lists all of them."""

import re
from collections.abc import Iterator, Set
from importlib import import_module
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from infra.stack.processes import services_here
from waypost.hosting.api import documented
from waypost.web.auth import _BearerToken
from waypost.web.limited import SIGNED_IN, classes_of, declared
from waypost.web.rate_limits import RouteClass
from waypost.web.request import UNLOGGED

WITHOUT_LIMIT = UNLOGGED | {"/version", "/openapi.json"}
"""Probes must never be refused; the others are constant text."""
PAGE = Path(__file__).parents[2] / "docs" / "guide" / "limits.md"


def needs_token(dependant: Dependant) -> bool:
    return any(isinstance(each.call, _BearerToken) or needs_token(each) for each in dependant.dependencies)


def anonymous(service: str) -> Iterator[tuple[str, Dependant | None]]:
    """Path and dependencies of each route without a token; None for one of the framework."""
    routes = documented(import_module(f"services.{service}.app").SERVICE).routes
    for route in iter_route_contexts(routes):
        dependant = getattr(route, "dependant", None)
        if not isinstance(dependant, Dependant):
            yield str(route.path), None
        elif not needs_token(dependant):
            yield str(route.path), dependant


def classes(service: str) -> Iterator[RouteClass]:
    """The classes of all routes, also of those with a token, which may declare one for tenants."""
    routes = documented(import_module(f"services.{service}.app").SERVICE).routes
    yield from (each for each in classes_of(routes) if each is not SIGNED_IN)


@pytest.mark.parametrize("service", services_here())
def test_every_route_without_a_token_declares_a_limit(service: str) -> None:
    unlimited = {path for path, dependant in anonymous(service) if dependant is None or not any(declared(dependant))}
    assert unlimited <= WITHOUT_LIMIT


@pytest.mark.parametrize("service", services_here())
def test_a_class_of_limits_has_one_name_and_one_meaning(service: str) -> None:
    found = list(classes(service))
    assert len({each.name for each in found}) == len({id(each) for each in found})


def test_the_page_lists_every_limit_with_its_rate() -> None:
    found = [SIGNED_IN, *(each for service in services_here() for each in classes(service))]
    expected: Set[tuple[str, str]] = {
        (each.limit_name(key), f"{rate.requests}/{rate.seconds}") for each in found for key, rate in each.rates.items()
    }
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| (\d+/\d+) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert set(rows) == expected
