"""The rights that follow from the services' declarations, on a broker with access rules."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from infra import services
from infra.kafka import __main__ as kafka_command
from infra.kafka.access import ensure_access
from tests.fixtures.secure_kafka import SecureKafka
from tests.integration.kafka.secure.test_sign_in import join, read, write
from waypost.cli.services import chosen_services
from waypost.hosting.kafka_access import access_rules, own_topics
from waypost.hosting.kafka_users import kafka_users, user_of
from waypost.hosting.service import Service
from waypost.kafka import access
from waypost.kafka.access import (
    ALLOW,
    ANY_HOST,
    DENY,
    AccessChange,
    AccessRule,
    Operation,
    Pattern,
    Resource,
    StoredRule,
    ensure_rules,
    prune_rules,
    rules_of,
)
from waypost.kafka.catalog import catalog
from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.groups import group_state
from waypost.kafka.refusals import AccessRefused
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.errors import Transient
from waypost.ports.broker import TopicUnavailable
from waypost.ports.brokers import BrokerConnection, Brokers
from waypost.schemas.topics import declared_topics

DELETE, TRANSACTIONAL_ID = 6, 5
"""Codes of the protocol that no declared rule has."""
LIMIT_SECONDS = 3.0
"""A refused record is held and sent again, so that a write never returns."""


@pytest.fixture(scope="module")
async def users(secure_kafka: SecureKafka) -> Mapping[str, BrokerConnection]:
    """Every declared topic, and the users of all processes with the rights of the declarations."""
    await ensure_topics(secure_kafka.admin, declared_topics())
    names = kafka_users(list(services.SERVICES))
    for name in names:
        (secure_kafka.folder / f"{name}.password").write_text(secrets.token_urlsafe())
    await ensure_access(secure_kafka.admin, secure_kafka.folder)
    return {name: secure_kafka.connection(name) for name in names}


async def may_write(brokers: BrokerConnection, topic: str) -> bool:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await write(brokers, topic)
    except (AccessRefused, TopicUnavailable, TimeoutError):
        return False
    return True


async def may_read(brokers: BrokerConnection, topic: str) -> bool:
    try:
        await read(brokers, topic)
    except (AccessRefused, Transient):
        return False
    return True


@pytest.mark.parametrize("service", chosen_services(None), ids=lambda service: service.name)
async def test_a_worker_writes_the_topics_of_its_service_alone(
    users: Mapping[str, BrokerConnection], service: Service
) -> None:
    worker = users[user_of(service.name, "worker")]
    topics = [topic.name for topic in service.topics]
    writable = {topic for topic in topics if await may_write(worker, topic)}
    assert writable == set(own_topics(service)) != set(topics)


@pytest.mark.parametrize("service", chosen_services(None), ids=lambda service: service.name)
async def test_an_api_writes_to_no_topic(users: Mapping[str, BrokerConnection], service: Service) -> None:
    api = users[user_of(service.name, "api")]
    assert not [topic.name for topic in service.topics if await may_write(api, topic.name)]


async def test_a_worker_reads_what_its_consumers_subscribe_to(
    users: Mapping[str, BrokerConnection], secure_kafka: SecureKafka
) -> None:
    (notifications,) = chosen_services("notifications")
    worker = users["notifications-worker"]
    subscribed = {rule.name for rule in _topics(notifications, "notifications-worker", Operation.READ)}
    assert subscribed
    readable = {topic.name for topic in notifications.topics if await may_read(worker, topic.name)}
    assert subscribed == readable != {topic.name for topic in notifications.topics}


async def test_a_worker_joins_the_groups_of_its_service_alone(users: Mapping[str, BrokerConnection]) -> None:
    await join(users["notifications-worker"], "users.user", "notifications.recipients")
    with pytest.raises(AccessRefused, match="no right to the consumer group"):
        await join(users["notifications-worker"], "users.user", "billing.customers")


async def test_the_command_reads_every_topic(users: Mapping[str, BrokerConnection]) -> None:
    assert {topic.name for topic in await catalog(users["users-command"])} >= {
        topic.name for topic in declared_topics()
    }
    assert (await group_state(users["users-command"], "billing.live")).members == 0
    with pytest.raises(AccessRefused):
        await group_state(users["users-api"], "billing.live")


def test_a_new_topic_and_a_new_consumer_need_no_second_list() -> None:
    (users,) = chosen_services("users")
    (billing,) = chosen_services("billing")
    new = replace(declared_topics()[0], name="users.device")
    with_topic = replace(users, topics=[*users.topics, new])
    assert {rule.name for rule in set(access_rules(with_topic)) - set(access_rules(users))} == {"users.device"}
    assert AccessRule(
        user="users-worker", resource=Resource.TOPIC, name="users.device", operation=Operation.WRITE
    ) in access_rules(with_topic)
    without_consumers = replace(billing, consumers=[])
    gone = set(access_rules(billing)) - set(access_rules(without_consumers))
    assert {rule.resource for rule in gone} == {Resource.GROUP, Resource.TOPIC}


async def test_rules_that_are_no_longer_declared_stay_until_they_are_pruned(secure_kafka: SecureKafka) -> None:
    kept, dropped = (
        AccessRule(user="former", resource=Resource.TOPIC, name=name, operation=Operation.WRITE) for name in ("a", "b")
    )
    other = AccessRule(user="another", resource=Resource.TOPIC, name="b", operation=Operation.WRITE)
    await ensure_rules(secure_kafka.admin, [other], ["another"])
    await ensure_rules(secure_kafka.admin, [kept, dropped], ["former"])
    for step in (ensure_rules, ensure_rules, prune_rules):  # the second call shows that the first removed nothing
        change = await step(secure_kafka.admin, [kept], ["former"])
        assert change.added == []
        assert [(rule.principal, rule.name) for rule in change.undeclared] == [("User:former", "b")], step
    unchanged = await ensure_rules(secure_kafka.admin, [kept, other], ["former", "another"])
    assert (unchanged.added, unchanged.undeclared) == ([], [])


async def test_a_rule_of_another_host_or_kind_is_not_the_declared_one(secure_kafka: SecureKafka) -> None:
    """And a refusal, which an administrator made, stays."""
    declared = AccessRule(user="odd", resource=Resource.TOPIC, name="a", operation=Operation.WRITE)
    by_hand = [
        StoredRule(Resource.TOPIC, "a", Pattern.LITERAL, "User:odd", "192.0.2.1", Operation.WRITE, ALLOW),
        StoredRule(Resource.TOPIC, "a", Pattern.LITERAL, "User:odd", ANY_HOST, Operation.WRITE, DENY),
        StoredRule(TRANSACTIONAL_ID, "a", Pattern.LITERAL, "User:odd", ANY_HOST, Operation.WRITE, ALLOW),
        StoredRule(Resource.TOPIC, "a", Pattern.LITERAL, "User:odd", ANY_HOST, DELETE, ALLOW),
    ]
    client = AIOKafkaAdminClient(**client_arguments(secure_kafka.admin))
    await client.start()
    try:
        for rule in by_hand:
            await client._send_to_controller(CreateAclsRequest(*rule))
        change = await prune_rules(secure_kafka.admin, [declared], ["odd"])
        stored = await rules_of(client, "odd")
    finally:
        await client.close()
    refusal = by_hand[1]
    assert change.added == [declared]
    assert sorted(change.undeclared) == sorted(rule for rule in by_hand if rule != refusal)
    assert refusal in stored and change.kept == [refusal]
    unchanged = await ensure_rules(secure_kafka.admin, [declared], ["odd"])
    assert (unchanged.added, unchanged.undeclared) == ([], [])


async def test_rules_that_only_an_administrator_removes_are_named(
    secure_kafka: SecureKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a cluster that several installations share, each with its prefix."""
    monkeypatch.setattr(access, "is_ours", lambda name: name.startswith("own."))
    stays = {
        StoredRule(Resource.TOPIC, "own.a", Pattern.LITERAL, "User:shared", ANY_HOST, Operation.WRITE, DENY): (
            "DENY User:shared, WRITE on TOPIC own.a (LITERAL), from host *"
        ),
        StoredRule(Resource.TOPIC, "*", Pattern.LITERAL, "User:shared", ANY_HOST, Operation.READ, ALLOW): (
            "ALLOW User:shared, READ on TOPIC * (LITERAL), from host *"
        ),
        StoredRule(Resource.TOPIC, "ow", Pattern.PREFIXED, "User:shared", ANY_HOST, DELETE, ALLOW): (
            f"ALLOW User:shared, {DELETE} on TOPIC ow (PREFIXED), from host *"
        ),
        StoredRule(
            Resource.CLUSTER, "kafka-cluster", Pattern.LITERAL, "User:shared", ANY_HOST, Operation.CREATE, ALLOW
        ): "ALLOW User:shared, CREATE on CLUSTER kafka-cluster (LITERAL), from host *",
    }
    goes = StoredRule(Resource.GROUP, "own.g", Pattern.LITERAL, "User:shared", ANY_HOST, Operation.READ, ALLOW)
    client = AIOKafkaAdminClient(**client_arguments(secure_kafka.admin))
    await client.start()
    try:
        for rule in (*stays, goes):
            await client._send_to_controller(CreateAclsRequest(*rule))
    finally:
        await client.close()

    async def prune(brokers: Brokers) -> AccessChange:
        return await prune_rules(brokers, [], ["shared"])

    monkeypatch.setattr(kafka_command, "prune_access", prune)
    await kafka_command._prune(secure_kafka.admin)
    shown = capsys.readouterr().out.splitlines()
    assert f"  removed: {goes}" in shown
    assert sorted(line for line in shown if "stays" in line) == sorted(f"  stays: {text}" for text in stays.values())


async def test_a_live_view_writes_the_topic_that_it_publishes_alone(users: Mapping[str, BrokerConnection]) -> None:
    (billing,) = chosen_services("billing")
    writable = {topic for topic in own_topics(billing) if await may_write(users["billing-live"], topic)}
    assert writable == {"billing.revenue"}


async def test_a_line_break_after_a_password_is_ignored(secure_kafka: SecureKafka, tmp_path: Path) -> None:
    for name in kafka_users(list(services.SERVICES)):
        (tmp_path / f"{name}.password").write_text(f"{secrets.token_urlsafe()}\n")
    await ensure_access(secure_kafka.admin, tmp_path)
    file = tmp_path / "users-command.password"
    assert await catalog(replace(secure_kafka.connection("users-command"), password_file=file))


def _topics(service: Service, user: str, operation: Operation) -> Sequence[AccessRule]:
    return [
        rule
        for rule in access_rules(service)
        if (rule.user, rule.resource, rule.operation) == (user, Resource.TOPIC, operation)
    ]
