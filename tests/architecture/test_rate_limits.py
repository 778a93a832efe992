"""Every route without a token declares its limits, and every declared limit is applied."""

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from infra.stack.processes import services_here
from waypost.hosting.api import documented
from waypost.hosting.service import Service
from waypost.web.auth import _BearerToken
from waypost.web.limited import declared
from waypost.web.request import UNLOGGED

WITHOUT_LIMIT = UNLOGGED | {"/version", "/openapi.json"}
"""Probes must never be refused; the others are constant text."""


def app_of(name: str) -> Service:
    from importlib import import_module

    service: Service = import_module(f"services.{name}.app").SERVICE
    return service


def needs_token(dependant: Dependant) -> bool:
    return any(isinstance(each.call, _BearerToken) or needs_token(each) for each in dependant.dependencies)


def anonymous(service: str) -> Iterator[tuple[str, Dependant | None]]:
    for route in iter_route_contexts(documented(app_of(service)).routes):
        dependant = getattr(route, "dependant", None)
        if not isinstance(dependant, Dependant):
            yield str(route.path), None
        elif not needs_token(dependant):
            yield str(route.path), dependant


@pytest.mark.parametrize("service", services_here())
def test_every_route_without_a_token_declares_a_limit(service: str) -> None:
    unlimited = {path for path, dependant in anonymous(service) if dependant is None or not any(declared(dependant))}
    assert unlimited <= WITHOUT_LIMIT


@pytest.mark.parametrize("service", services_here())
def test_a_class_of_limits_has_one_name_and_one_meaning(service: str) -> None:
    classes = [each for _, dependant in anonymous(service) if dependant is not None for each in declared(dependant)]
    assert len({each.name for each in classes}) == len({id(each) for each in classes})
