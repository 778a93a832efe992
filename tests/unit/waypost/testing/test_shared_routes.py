"""Applications of one test process share the analysis of a service's routes
(`tests.fixtures.shared_routes`).
"""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from services.users.app import SERVICE
from waypost.web.app import routed


def test_routes_of_a_service_are_analysed_once() -> None:
    assert analysed(application()) == analysed(application())


def test_application_with_a_replaced_dependency_analyses_its_own_routes() -> None:
    replaced = application()
    replaced.dependency_overrides[lambda: "blue"] = lambda: "red"
    first, second = analysed(application()), analysed(replaced)
    assert first.keys() == second.keys()
    assert set(first.values()).isdisjoint(second.values())


def application() -> FastAPI:
    return routed(SERVICE.name, SERVICE.routers)


def analysed(app: FastAPI) -> dict[tuple[str, frozenset[str]], Any]:
    """The framework's handler of each route of the service."""
    found = {
        (each.path or "", frozenset(each.methods or ())): each.app
        for each in iter_route_contexts(app.router.routes)
        if each.endpoint is not None and each.endpoint.__module__.startswith("services.")
    }
    assert found
    return found
