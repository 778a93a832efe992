"""The plan fits together: whatever is waited for is there, and no two components want one port."""

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


def test_whatever_is_waited_for_is_in_the_plan(components: list[Component]) -> None:
    names = [each.name for each in components]
    assert len(names) == len(set(names))
    assert {needed for each in components for needed in each.depends_on} <= set(names)


def test_no_port_is_wanted_twice(components: list[Component]) -> None:
    ports = [port for each in components for port in each.ports]
    assert len(ports) == len(set(ports))


def test_every_service_that_is_here_runs_with_all_its_processes(components: list[Component]) -> None:
    names = {each.name for each in components}
    assert services_here()
    for service in services_here():
        assert {f"{service}-migrations", *(f"{service}-{each}" for each in processes_of(service))} <= names


def test_a_component_that_there_is_not_is_refused_with_those_there_are(components: list[Component]) -> None:
    with pytest.raises(SetUpFailed, match=r"there is no nope\n  remedy: choose from kafka, postgres"):
        limited(components, ("kafka", "nope"))


def test_the_name_of_a_service_means_all_of_its_components(components: list[Component]) -> None:
    names = [each.name for each in components]
    billing = {"billing-migrations", "billing-api", "billing-worker", "billing-jobs", "billing-live"}
    assert set(matching(names, ["billing"])) == billing
    assert matching(names, ["billing-worker"]) == ["billing-worker"]


def test_the_trace_viewer_alone_is_optional(components: list[Component]) -> None:
    assert [each.name for each in components if each.optional] == ["zipkin"]
    assert not any("zipkin" in each.depends_on for each in components)


def test_every_component_that_speaks_http_names_its_page(components: list[Component]) -> None:
    assert {each.name for each in components if each.ports and not each.page} == {"kafka", "postgres"}
