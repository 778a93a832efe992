"""`waypost doctor` as an operator runs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.cli.command import Stack
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.ports import LOOPBACK, free_ports
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import running_kafka

_DECLARE = "insert into declared_consumers (consumer, kind, topics) values ('users.tenants', 'async-projection', '{users.tenant}')"
_DEAD_LETTER = """
insert into dead_letters (id, consumer, event_id, topic, partition, kafka_offset, key, headers, status)
values (gen_random_uuid(), 'users.tenants', gen_random_uuid(), 'users.tenant', 0, 1, 'key', '{}', 'dead')"""


@pytest.fixture(scope="module")
async def broker() -> AsyncIterator[str]:
    """A broker with the topics as they are declared."""
    with scratch_folder(in_memory=True) as folder:
        async with running_kafka(folder) as broker:
            await ensure_topics(broker.bootstrap, declared_topics())
            yield broker.bootstrap


@pytest.fixture
async def stack(broker: str, database: Databases, tmp_path: Path) -> Stack:
    stack = Stack(users=await database("users"), bootstrap=broker, folder=tmp_path)
    stack.write_environment(zipkin="http://127.0.0.1")
    async with connected(stack.users.owner) as owner:
        await owner.execute(_DECLARE)
    return stack


async def test_a_healthy_system_exits_with_0(stack: Stack) -> None:
    healthy = await stack.waypost("doctor", "users")
    assert (healthy.code, healthy.problem) == (0, "")
    assert healthy.output.endswith("checks, nothing is wrong\n")


async def test_a_problem_exits_with_1_and_is_named_with_its_command(stack: Stack) -> None:
    async with connected(stack.users.owner) as owner:
        await owner.execute(_DEAD_LETTER)
    sick = await stack.waypost("doctor", "users")
    assert sick.code == 1
    first, second, last = sick.output.splitlines()
    assert first == "wrong: users, dead-letters: users.tenants has 1 dead letters: later events of their keys wait"
    assert "waypost dead-letters redrive --consumer users.tenants" in second
    assert last.endswith("checks, problems: 1")

    told = (await stack.waypost("doctor", "users", "--json")).told
    assert [(line["subject"], line["check"], line["is_note"]) for line in told["diagnoses"]] == [
        ("users", "dead-letters", False)
    ]
    assert told["checks"] > 20


async def test_servers_that_do_not_answer_are_findings(stack: Stack) -> None:
    (closed_port,) = free_ports(1)
    for name, address in (
        ("OPS_DSN", f"postgresql://users_ops:x@{LOOPBACK}:{closed_port}/users"),
        ("KAFKA_BOOTSTRAP", f"{LOOPBACK}:{closed_port}"),
    ):
        for file in stack.folder.glob("*.env"):
            file.write_text(file.read_text() + f"WAYPOST_{name}={address}\n")
    down = await stack.waypost("doctor", "--json")
    assert down.code == 1
    places = [(line["subject"], line["check"]) for line in down.told["diagnoses"]]
    assert places == [
        ("kafka", "broker"),
        *((service, "database") for service in ("billing", "notifications", "users")),
    ]
