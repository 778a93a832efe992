"""A lost topic is recreated and filled again from the event store: equal ids, one effect each (row
40 of the fault matrix).
"""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.faults.services_rig import ServicesRig, services_rig
from tests.fixtures.forked import ForkedProgram
from waypost.cli.events.republish import republished
from waypost.cli.projections import find, rebuilt
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.engine.failpoints import VARIABLE
from waypost.engine.operator_rate import OperatorRate
from waypost.kafka.topic_creation import ensure_topics
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.audit_context import AuditContext
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker
from waypost.testing.topics import delete_topic, read_topic

TOPIC = "users.user"
AUDIT = AuditContext(operator="grace", reason="the broker's volume was lost")
WAIT_SECONDS = 60
"""Seconds: consumers check a topic's id every 10 s, and ten of them run here."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def services(
    own_kafka: Broker, database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServicesRig]:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    await ensure_topics(own_kafka.bootstrap, declared_topics())
    async with services_rig(own_kafka.bootstrap, database, tmp_path) as made:
        yield made


async def test_topic_is_recreated_and_filled_again(services: ServicesRig) -> None:
    async with services.users.relaying(), notices(services):
        async with services.billing.consuming("customers"):
            await services.open_tenant()
            ann, bob = await services.sign_up("Ann"), await services.sign_up("Bob")
            await services.rename(bob, "Rob")
            await eventually(lambda: customers_are(services, Ann=1, Rob=2), deadline_seconds=WAIT_SECONDS)
            await eventually(lambda: recipients_are(services, "Ann", "Rob"), deadline_seconds=WAIT_SECONDS)
        # Billing is stopped from here on: it never saw these records before they were lost.
        eve = await services.sign_up("Eve")
        await eventually(services.all_is_published)
        await eventually(lambda: recipients_are(services, "Ann", "Rob", "Eve"), deadline_seconds=WAIT_SECONDS)

        await delete_topic(services.bootstrap, TOPIC)
        await services.rename(ann, "Anna")
        await services.rename(eve, "Eva")
        await recreate(services)
        # Pending rows are on the new topic first, before all earlier events.
        await eventually(services.all_is_published, deadline_seconds=WAIT_SECONDS)

        async with services.billing.consuming("customers"):
            await eventually(lambda: eva_is_parked(services), deadline_seconds=WAIT_SECONDS)
            report = await republished(TOPIC, AUDIT, rate=OperatorRate(), quiet=True)
            assert (report.stored, report.missing, report.published) == (6, 6, 6)
            await eventually(lambda: customers_are(services, Anna=2, Rob=2, Eva=2), deadline_seconds=WAIT_SECONDS)
            await eventually(lambda: recipients_are(services, "Anna", "Rob", "Eva"), deadline_seconds=WAIT_SECONDS)
            await eventually(lambda: all_are_at_the_end(services), deadline_seconds=WAIT_SECONDS)
            await eventually(services.all_are_settled, deadline_seconds=WAIT_SECONDS)

    assert len(await welcomed(services)) == 3
    assert await events_on_topic(services) == await events_in_store(services)
    made_anew = await rebuilt(*find("notifications.recipients"), dry_run=True)
    assert made_anew.refusals == []
    assert all(comparison.equal for comparison in made_anew.comparison.comparisons)
    again = await republished(TOPIC, AUDIT, rate=OperatorRate(), quiet=True)
    assert (again.missing, again.published) == (0, 0)
    (action,) = await services.actions()
    assert (action.operator, action.verb, action.subject) == ("grace", "events.republish", TOPIC)


async def test_killed_midway_and_run_again(services: ServicesRig) -> None:
    people = [await services.sign_up(f"person {number}") for number in range(6)]
    for person in people:
        await services.rename(person, "renamed")
    asked = await republished(TOPIC, None, rate=OperatorRate(), quiet=True)
    assert (asked.missing, asked.published) == (12, 0)
    assert await read_topic(services.bootstrap, TOPIC) == []

    assert await killed(services, "--rate", "8") < 0
    assert len(await read_topic(services.bootstrap, TOPIC)) == 8

    report = await republished(TOPIC, AUDIT, rate=OperatorRate(), quiet=True)
    assert (report.missing, report.published) == (4, 4)
    assert await events_on_topic(services) == await events_in_store(services)
    assert len(await read_topic(services.bootstrap, TOPIC)) == 12
    assert len(await services.actions()) == 2


async def killed(services: ServicesRig, *options: str) -> int:
    """Returns the exit code of a republish that is killed after its first chunk."""
    process = ForkedProgram(
        "tests.faults.republish_process",
        *("events", "republish", TOPIC, "--reason", "lost", *options),
        log=services.folder / "republish.log",
        environment={**os.environ, VARIABLE: "republish.after_chunk=kill"},
    )
    await process.start()
    try:
        async with asyncio.timeout(40):
            return await process.wait()
    finally:
        await process.kill()


@asynccontextmanager
async def notices(services: ServicesRig) -> AsyncIterator[None]:
    notifications = services.notifications
    async with (
        services.billing.consuming("person_keys"),
        notifications.consuming("person_keys"),
        notifications.consuming("tenants"),
        notifications.consuming("recipients"),
        notifications.consuming("notices"),
    ):
        yield


async def recreate(services: ServicesRig) -> None:
    """A deletion takes a moment; a creation that is too early fails silently."""

    async def made() -> bool:
        await ensure_topics(services.bootstrap, declared_topics())
        return TOPIC not in await ensure_topics(services.bootstrap, declared_topics())

    await eventually(made, deadline_seconds=WAIT_SECONDS)


async def customers_are(services: ServicesRig, **versions: int) -> bool:
    found = await services.billing.rows(services.tenant_id, "select display_name, version from customers")
    assert {row["display_name"]: row["version"] for row in found} == versions
    return True


async def recipients_are(services: ServicesRig, *names: str) -> bool:
    found = await services.notifications.rows(services.tenant_id, "select display_name from recipients")
    assert {row["display_name"] for row in found} == set(names)
    return len(await welcomed(services)) == len(names)


async def welcomed(services: ServicesRig) -> Sequence[Any]:
    return await services.notifications.rows(services.tenant_id, "select 1 from notifications where kind = 'welcome'")


async def eva_is_parked(services: ServicesRig) -> bool:
    """Her second version has arrived, her first has not."""
    assert await services.unsettled("billing") == [("billing.customers", "waiting", 2)]
    return True


async def all_are_at_the_end(services: ServicesRig) -> bool:
    """True if all consumers are at the end of the new topic, which they recognise by its id."""
    end = len(await read_topic(services.bootstrap, TOPIC))
    async with connected_client(services.bootstrap) as client:
        made_anew = (await describe(client, [TOPIC]))[TOPIC].topic_id
    consumers = ("billing.customers", "notifications.notices", "notifications.recipients")
    stands = await consumer_positions(services, "billing") | await consumer_positions(services, "notifications")
    assert stands == {(consumer, made_anew): end for consumer in consumers}
    return True


async def consumer_positions(services: ServicesRig, service: str) -> dict[tuple[str, UUID], int]:
    query = """
        select consumer, topic_id, sum(next_offset)::int as position from consumer_offsets
        where topic = $1 and next_offset > 0 group by consumer, topic_id"""
    async with connected(services.databases[service].owner) as owner:
        return {(row["consumer"], row["topic_id"]): row["position"] for row in await owner.fetch(query, TOPIC)}


Told = dict[str, list[dict[str, str]]]
"""Maps each key to the headers of its events, in version order."""


async def events_on_topic(services: ServicesRig) -> Told:
    """The events as a reader of the whole topic applies them, each version in its turn."""
    told: Told = defaultdict(list)
    waiting: dict[tuple[str, int], dict[str, str]] = {}
    for record in await read_topic(services.bootstrap, TOPIC):
        headers = {name: value.decode() for name, value in record.headers}
        key = record.key.decode()
        waiting[key, int(headers["ce_sequence"])] = headers
        while following := waiting.pop((key, len(told[key]) + 1), None):
            told[key].append(following)
    return told


async def events_in_store(services: ServicesRig) -> Told:
    query = "select aggregate_id, metadata::text as metadata from events where aggregate_type = 'user' order by version"
    told: Told = defaultdict(list)
    async with connected(services.databases["users"].owner) as owner:
        for row in await owner.fetch(query):
            told[str(row["aggregate_id"])].append(json.loads(row["metadata"]))
    return told
