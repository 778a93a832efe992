"""A stack has one broker or three, and a standby or none; its folder stores which."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.kafka.replication import replicated
from infra.stack.addresses import Addresses
from infra.stack.environment import Environments
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.servers import Servers, Standby
from waypost.devstack.parts import Component
from waypost.native.errors import SetUpFailed
from waypost.schemas.topics import declared_topics

ALL = Servers(brokers=3, standby=Standby.SYNCHRONOUS)


def components(servers: Servers, folder: Path) -> dict[str, Component]:
    plan = Plan(Addresses(servers=servers), load_or_make_keys(folder / "keys"), folder)
    return {component.name: component for component in plan.components()}


def test_a_choice_is_stored_for_every_later_command(tmp_path: Path) -> None:
    assert Servers.stored_in(tmp_path) == Servers(brokers=1, standby=Standby.NONE)
    assert Servers.choose(tmp_path, brokers=3, standby=None) == Servers(brokers=3)
    assert Servers.choose(tmp_path, brokers=None, standby=Standby.SYNCHRONOUS) == ALL
    assert Servers.stored_in(tmp_path) == Servers.choose(tmp_path, brokers=None, standby=None) == ALL


def test_topics_with_data_do_not_move_to_other_brokers(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(SetUpFailed, match=r"(?s)are on 1 broker.*another WAYPOST_PORT_BASE"):
        Servers.choose(tmp_path, brokers=3, standby=None)
    assert Servers.choose(tmp_path, brokers=1, standby=Standby.ASYNCHRONOUS).standby is Standby.ASYNCHRONOUS


def test_a_running_stack_keeps_its_servers(tmp_path: Path) -> None:
    Servers.choose(tmp_path, brokers=3, standby=None)
    assert Servers.choose(tmp_path, brokers=3, standby=None, is_running=True).brokers == 3
    with pytest.raises(SetUpFailed, match="run `make down`"):
        Servers.choose(tmp_path, brokers=None, standby=Standby.SYNCHRONOUS, is_running=True)


def test_two_brokers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetUpFailed, match="choose 1 or 3"):
        Servers.choose(tmp_path, brokers=2, standby=None)


def test_a_standby_that_is_the_primary_cannot_be_left_out(tmp_path: Path) -> None:
    Servers.choose(tmp_path, brokers=None, standby=Standby.SYNCHRONOUS)
    (tmp_path / "primary").write_text("postgres-standby")
    with pytest.raises(SetUpFailed, match="run `make promote`"):
        Servers.choose(tmp_path, brokers=None, standby=Standby.NONE)


def test_each_server_is_a_component_on_which_others_depend(tmp_path: Path) -> None:
    plan = components(ALL, tmp_path)
    assert plan["topics"].depends_on == ("kafka", "kafka-2", "kafka-3")
    assert plan["databases"].depends_on == ("postgres", "postgres-standby")
    ports = [port for component in plan.values() for port in component.ports]
    assert len(ports) == len(set(ports))
    assert plan.keys() - components(Servers(), tmp_path).keys() == {"kafka-2", "kafka-3", "postgres-standby"}


def test_every_client_knows_every_server(tmp_path: Path) -> None:
    one = Environments(Addresses(9000), load_or_make_keys(tmp_path / "keys"))
    both = Environments(replace(Addresses(9000), servers=ALL), load_or_make_keys(tmp_path / "keys"))
    for service in ("users", "billing"):
        before, after = one.command(service), both.command(service)
        dsns = [name for name in after if name.endswith("_DSN")]
        assert dsns
        for name in dsns:
            expected = before[name].replace("127.0.0.1:9032", "127.0.0.1:9032,127.0.0.1:9033")
            assert after[name] == f"{expected}?target_session_attrs=read-write"
    assert both.one_shot()["WAYPOST_KAFKA_BOOTSTRAP"] == "127.0.0.1:9092,127.0.0.1:9090,127.0.0.1:9088"


def test_topics_are_replicated_from_three_brokers_on() -> None:
    declared = declared_topics()
    assert replicated(declared, brokers=1) == declared
    for topic, before in zip(replicated(declared, brokers=3), declared, strict=True):
        assert (topic.replication, topic.min_insync_replicas) == (3, 2)
        assert (topic.name, topic.partitions) == (before.name, before.partitions)
        assert topic.configuration.keys() >= before.configuration.keys()
