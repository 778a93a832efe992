"""A topic that was lost is made anew, and filled again from the event store: ids equal, effects
once (row 40 of the fault matrix).
"""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.faults.house_rig import House, housed
from waypost.cli.events.republish import republished
from waypost.cli.projections import find, rebuilt
from waypost.cli.services import DIRECTORY
from waypost.engine.failpoints import VARIABLE
from waypost.engine.rate import Rate
from waypost.kafka.topic_creation import ensure_topics
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.audit_context import AuditContext
from waypost.native.child import Child
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker
from waypost.testing.topics import delete_topic, read_topic

TOPIC = "users.user"
AUDIT = AuditContext(operator="grace", reason="the broker's volume was lost")
PATIENCE = 60
"""Seconds: consumers look at a topic's id every 10, and ten of them run here."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def house(
    own_kafka: Broker, database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    await ensure_topics(own_kafka.bootstrap, declared_topics())
    async with housed(own_kafka.bootstrap, database, tmp_path) as made:
        yield made


async def test_the_whole_way(house: House) -> None:
    async with house.users.relaying(), notices(house):
        async with house.billing.consuming("customers"):
            await house.open_tenant()
            ann, bob = await house.sign_up("Ann"), await house.sign_up("Bob")
            await house.rename(bob, "Rob")
            await eventually(lambda: customers_are(house, Ann=1, Rob=2), deadline_seconds=PATIENCE)
            await eventually(lambda: recipients_are(house, "Ann", "Rob"), deadline_seconds=PATIENCE)
        # Billing is away from here on: it never saw these records before they were lost.
        eve = await house.sign_up("Eve")
        await eventually(house.all_is_published)
        await eventually(lambda: recipients_are(house, "Ann", "Rob", "Eve"), deadline_seconds=PATIENCE)

        await delete_topic(house.bootstrap, TOPIC)
        await house.rename(ann, "Anna")
        await house.rename(eve, "Eva")
        await make_anew(house)
        # What was pending is on the new topic first, ahead of everything that came before it.
        await eventually(house.all_is_published, deadline_seconds=PATIENCE)

        async with house.billing.consuming("customers"):
            await eventually(lambda: eva_waits(house), deadline_seconds=PATIENCE)
            report = await republished(TOPIC, AUDIT, rate=Rate(), quiet=True)
            assert (report.stored, report.missing, report.published) == (6, 6, 6)
            await eventually(lambda: customers_are(house, Anna=2, Rob=2, Eva=2), deadline_seconds=PATIENCE)
            await eventually(lambda: recipients_are(house, "Anna", "Rob", "Eva"), deadline_seconds=PATIENCE)
            await eventually(lambda: all_stand_at_the_end(house), deadline_seconds=PATIENCE)

    assert await house.unsettled("billing") == await house.unsettled("notifications") == []
    assert len(await welcomed(house)) == 3
    assert await told_on_topic(house) == await told_in_store(house)
    made_anew = await rebuilt(*find("notifications.recipients"), dry_run=True)
    assert made_anew.refusals == []
    assert all(each.equal for each in made_anew.comparison.comparisons)
    again = await republished(TOPIC, AUDIT, rate=Rate(), quiet=True)
    assert (again.missing, again.published) == (0, 0)
    (action,) = await house.actions()
    assert (action.operator, action.verb, action.subject) == ("grace", "events.republish", TOPIC)


async def test_killed_midway_and_run_again(house: House) -> None:
    people = [await house.sign_up(f"person {number}") for number in range(6)]
    for person in people:
        await house.rename(person, "renamed")
    asked = await republished(TOPIC, None, rate=Rate(), quiet=True)
    assert (asked.missing, asked.published) == (12, 0)
    assert await read_topic(house.bootstrap, TOPIC) == []

    assert await killed(house, "--rate", "8") < 0
    assert len(await read_topic(house.bootstrap, TOPIC)) == 8

    report = await republished(TOPIC, AUDIT, rate=Rate(), quiet=True)
    assert (report.missing, report.published) == (4, 4)
    assert await told_on_topic(house) == await told_in_store(house)
    assert len(await read_topic(house.bootstrap, TOPIC)) == 12
    assert len(await house.actions()) == 2


async def killed(house: House, *options: str) -> int:
    """The exit code of a republishing that dies after its first chunk."""
    process = Child(
        [
            sys.executable,
            "-m",
            "tests.faults.republish_process",
            "events",
            "republish",
            TOPIC,
            "--reason",
            "lost",
            *options,
        ],
        log=house.folder / "republish.log",
        environment={**os.environ, VARIABLE: "republish.after_chunk=kill"},
        directory=Path.cwd(),
    )
    await process.start()
    try:
        return await asyncio.wait_for(process.wait(), 40)
    finally:
        await process.kill()


@asynccontextmanager
async def notices(house: House) -> AsyncIterator[None]:
    notifications = house.notifications
    async with (
        notifications.consuming("tenants"),
        notifications.consuming("recipients"),
        notifications.consuming("notices"),
    ):
        yield


async def make_anew(house: House) -> None:
    """A deletion takes a moment; making it too early fails without a word."""

    async def made() -> bool:
        await ensure_topics(house.bootstrap, declared_topics())
        return TOPIC not in await ensure_topics(house.bootstrap, declared_topics())

    await eventually(made, deadline_seconds=PATIENCE)


async def customers_are(house: House, **versions: int) -> bool:
    found = await house.billing.rows(house.tenant_id, "select display_name, version from customers")
    assert {row["display_name"]: row["version"] for row in found} == versions
    return True


async def recipients_are(house: House, *names: str) -> bool:
    found = await house.notifications.rows(house.tenant_id, "select display_name from recipients")
    assert {row["display_name"] for row in found} == set(names)
    return len(await welcomed(house)) == len(names)


async def welcomed(house: House) -> Sequence[Any]:
    return await house.notifications.rows(house.tenant_id, "select 1 from notifications where kind = 'welcome'")


async def eva_waits(house: House) -> bool:
    """Her second version is there, her first is not."""
    assert await house.unsettled("billing") == [("billing.customers", "waiting", 2)]
    return True


async def all_stand_at_the_end(house: House) -> bool:
    """Of the new topic, which each has noticed by its id."""
    end = len(await read_topic(house.bootstrap, TOPIC))
    async with connected_client(house.bootstrap) as client:
        made_anew = (await describe(client, [TOPIC]))[TOPIC].topic_id
    consumers = ("billing.customers", "notifications.notices", "notifications.recipients")
    stands = await consumer_positions(house, "billing") | await consumer_positions(house, "notifications")
    assert stands == {(each, made_anew): end for each in consumers}
    return True


async def consumer_positions(house: House, service: str) -> dict[tuple[str, UUID], int]:
    query = """
        select consumer, topic_id, sum(next_offset)::int as position from consumer_offsets
        where topic = $1 and next_offset > 0 group by consumer, topic_id"""
    async with connected(house.databases[service].owner) as owner:
        return {(row["consumer"], row["topic_id"]): row["position"] for row in await owner.fetch(query, TOPIC)}


Told = dict[str, list[dict[str, str]]]
"""Of each key the headers of its events, in version order."""


async def told_on_topic(house: House) -> Told:
    """As a reader of the whole topic keeps it, who takes each version when it is its turn."""
    told: Told = defaultdict(list)
    waiting: dict[tuple[str, int], dict[str, str]] = {}
    for record in await read_topic(house.bootstrap, TOPIC):
        headers = {name: value.decode() for name, value in record.headers}
        key = record.key.decode()
        waiting[key, int(headers["ce_sequence"])] = headers
        while following := waiting.pop((key, len(told[key]) + 1), None):
            told[key].append(following)
    return told


async def told_in_store(house: House) -> Told:
    query = "select aggregate_id, metadata::text as metadata from events where aggregate_type = 'user' order by version"
    told: Told = defaultdict(list)
    async with connected(house.databases["users"].owner) as owner:
        for row in await owner.fetch(query):
            told[str(row["aggregate_id"])].append(json.loads(row["metadata"]))
    return told
