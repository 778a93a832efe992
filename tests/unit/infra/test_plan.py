"""The plan is consistent: every dependency exists, and no two components use one port."""

from pathlib import Path

import pytest

from infra.stack.addresses import Addresses
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.processes import processes_of, services_here
from waypost.devstack.parts import Component
from waypost.devstack.selection import limited, matching
from waypost.native.errors import SetUpFailed


@pytest.fixture
def components(tmp_path: Path) -> list[Component]:
    return Plan(Addresses(), load_or_make_keys(tmp_path / "keys"), tmp_path).components()


def test_every_dependency_is_in_the_plan(components: list[Component]) -> None:
    names = [component.name for component in components]
    assert len(names) == len(set(names))
    assert {needed for this_component in components for needed in this_component.depends_on} <= set(names)


def test_no_port_is_wanted_twice(components: list[Component]) -> None:
    ports = [port for component in components for port in component.ports]
    assert len(ports) == len(set(ports))


def test_every_service_that_is_here_runs_with_all_its_processes(components: list[Component]) -> None:
    names = {component.name for component in components}
    assert services_here()
    for service in services_here():
        assert {f"{service}-migrations", *(f"{service}-{process}" for process in processes_of(service))} <= names


def test_a_component_that_there_is_not_is_refused_with_those_there_are(components: list[Component]) -> None:
    with pytest.raises(SetUpFailed, match=r"there is no nope\n  remedy: choose from kafka, postgres"):
        limited(components, ("kafka", "nope"))


def test_the_name_of_a_service_means_all_of_its_components(components: list[Component]) -> None:
    names = [component.name for component in components]
    billing = {"billing-migrations", "billing-api", "billing-worker", "billing-jobs", "billing-live"}
    assert set(matching(names, ["billing"])) == billing
    assert matching(names, ["billing-worker"]) == ["billing-worker"]


def test_the_trace_viewer_alone_is_optional(components: list[Component]) -> None:
    assert [component.name for component in components if component.optional] == ["zipkin"]
    assert not any("zipkin" in this_component.depends_on for this_component in components)


def test_every_component_that_speaks_http_names_its_page(components: list[Component]) -> None:
    assert {component.name for component in components if component.ports and not component.page} == {
        "kafka",
        "postgres",
    }
