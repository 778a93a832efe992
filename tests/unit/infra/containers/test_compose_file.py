"""The containers equal the native stack's components: the compose file agrees with the plan."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.containers.compose import FILE, HUNDREDS, PublishedAddresses
from infra.containers.layout import OUTSIDE_KAFKA_PORT, OWN, PREPARED
from infra.stack.addresses import Addresses, offsets
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from waypost.devstack.parts import Component, PythonOneShot, PythonServer
from waypost.kernel.errors import Misconfigured
from waypost.native import kafka, zipkin
from waypost.native.configuration.postgres import CLUSTER
from waypost.testing.containers.images import KAFKA, POSTGRES

PRODUCTS = {"kafka", "postgres", "zipkin"}
OF_COMPOSE_ALONE = {"prepare", "waypost"}
WITH_THE_WHOLE_VOLUME = {"prepare", "databases"}

Service = dict[str, Any]


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Component]:
    return {
        component.name: component
        for component in Plan(Addresses(), load_or_make_keys(tmp_path / "keys"), tmp_path).components()
    }


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    declared: dict[str, Service] = yaml.safe_load(FILE.read_text())["services"]
    return declared


def test_the_same_components_run(plan: dict[str, Component], services: dict[str, Service]) -> None:
    assert set(services) - OF_COMPOSE_ALONE == set(plan)


def test_each_runs_the_same_module(plan: dict[str, Component], services: dict[str, Service]) -> None:
    for name, component in plan.items():
        if isinstance(component.part, PythonServer | PythonOneShot):
            assert services[name]["command"] == ["python", "-m", *map(str, component.part.module)], name


def test_each_waits_at_least_for_the_same(plan: dict[str, Component], services: dict[str, Service]) -> None:
    for name, component in plan.items():
        waited_for = services[name].get("depends_on", {})
        assert set(waited_for) >= set(component.depends_on), name
        for needed in component.depends_on:
            ends = isinstance(plan[needed].part, PythonOneShot) or needed == "databases"
            assert waited_for[needed]["condition"] == f"service_{'completed_successfully' if ends else 'healthy'}", name


def test_each_is_published_at_its_offset_and_on_this_machine_alone(
    plan: dict[str, Component], services: dict[str, Service]
) -> None:
    at = Addresses()
    for name, component in plan.items():
        inside = {at.port(part): at.port(part) for part in offsets() if at.port(part) in component.ports}
        if name == "kafka":
            inside = {at.port("kafka"): OUTSIDE_KAFKA_PORT}
        written = {f"127.0.0.1:${{{HUNDREDS}:-80}}{outer % 100:02}:{inner}" for outer, inner in inside.items()}
        assert set(services[name].get("ports", [])) == written, name


def test_each_sees_its_own_folder_and_no_other(services: dict[str, Service]) -> None:
    for name, service in services.items():
        for volume in service.get("volumes", []):
            if isinstance(volume, str):
                assert not volume.startswith("prepared:") or name in WITH_THE_WHOLE_VOLUME, name
                continue
            assert volume["source"] == "prepared" and volume["read_only"], name
            assert volume["volume"]["subpath"] == name
    for name in WITH_THE_WHOLE_VOLUME:
        assert services[name]["volumes"] == [f"prepared:{PREPARED}"]


def test_ours_have_no_powers_and_a_read_only_root(services: dict[str, Service]) -> None:
    for name in set(services) - PRODUCTS:
        service = services[name]
        assert service["image"] == services["prepare"]["image"], name
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service and not service.get("privileged")


def test_compose_file_contains_no_secret(services: dict[str, Service]) -> None:
    secret = re.compile(r"PASSWORD|SECRET|DSN|KEY|TOKEN")
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            is_place = variable.endswith("_FILE") and str(value).startswith(f"{OWN}/")
            assert is_place or not secret.search(variable), f"{name}: {variable}"
    assert "://" not in FILE.read_text()


def test_products_are_those_of_the_native_stack(services: dict[str, Service]) -> None:
    pom = (Path(kafka.__file__).parent / "pom.xml").read_text()
    jars = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>(.+)</version>", pom)
    assert jars and services["kafka"]["image"] == f"apache/kafka:{jars[1]}"
    assert services["postgres"]["image"] == "postgres:18"
    assert services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split() == list(CLUSTER)
    assert services["zipkin"]["environment"]["MEM_MAX_SPANS"] == str(zipkin.SPANS_KEPT)


def test_health_is_asked_for_at_the_ports_of_the_default_base(services: dict[str, Service]) -> None:
    at = Addresses()
    assert services["kafka"]["healthcheck"]["test"][-1] == str(at.port("kafka"))
    assert services["postgres"]["environment"]["PGPORT"] == str(at.port("postgres"))
    assert services["zipkin"]["environment"]["QUERY_PORT"] == str(at.port("zipkin"))


def test_compose_is_given_the_base_in_hundreds() -> None:
    assert PublishedAddresses(9100).variables == {HUNDREDS: "91"}
    with pytest.raises(Misconfigured, match="multiple of 100"):
        _ = PublishedAddresses(9150).variables


def test_tests_in_containers_run_on_the_same_images(services: dict[str, Service]) -> None:
    assert {name: services[name]["image"] for name in ("kafka", "postgres")} == {"kafka": KAFKA, "postgres": POSTGRES}
