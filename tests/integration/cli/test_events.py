"""Events by the command: as they pass, and where they lie."""

import asyncio
import json
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from tests.fixtures.envelopes import TRACEPARENT
from tests.integration.cli.command import SECONDS, Stack, ended_by_control_c
from waypost.cli.events.stored import find_event
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.kernel.errors import NotFound
from waypost.testing.eventually import eventually
from waypost.testing.raw_records import RawRecord, send_raw
from waypost.testing.topics import admin, create_topic, delete_topic, unique


async def test_tail_shows_a_record_that_is_published_afterwards(stack: Stack) -> None:
    before = await stack.record()
    async with stack.relaying():
        await eventually(stack.is_published)
        async with stack.following("users.user") as tail:
            event = await stack.record()
            assert tail.stdout is not None
            async with asyncio.timeout(SECONDS):
                line = (await tail.stdout.readline()).decode()
            code = await ended_by_control_c(tail)
    assert code == 0
    assert str(before.event_id) not in line
    for told in ("users.user/", "user.created", "version=1", TRACEPARENT.split("-")[1]):
        assert told in line
    for identity in (event.event_id, event.aggregate_id, event.tenant_id):
        assert str(identity) in line


async def test_tail_from_the_beginning_gives_one_tenants_events_without_the_person(stack: Stack) -> None:
    ours, other = await stack.record(), await stack.record()
    async with stack.relaying():
        await eventually(stack.is_published)
    options = ("--from", "beginning", "--no-follow", "--tenant", str(ours.tenant_id), "--json")
    finished = await stack.waypost("events", "tail", *options)
    assert (finished.code, finished.problem) == (0, "")
    assert finished.told["event_id"] == str(ours.event_id)
    assert finished.told["data"]["role"] == "owner"
    assert str(other.event_id) not in finished.output
    assert ours.event.email not in finished.output


async def test_tail_continues_after_a_header_whose_name_is_not_text(stack: Stack, cluster: str) -> None:
    topic = await create_topic(cluster, unique("users.user"), partitions=1)
    bad, good = [RawRecord(key=b"k", value=b"v", headers=[(name, b"1")]) for name in ("name \udcff", "name")]
    try:
        async with AIOKafkaProducer(bootstrap_servers=cluster) as producer:
            await send_raw(producer, topic, bad, good)
        finished = await stack.waypost("events", "tail", topic, "--from", "beginning", "--no-follow", "--json")
    finally:
        await delete_topic(cluster, topic)
    assert (finished.code, finished.problem) == (0, "")
    told = [json.loads(line)["headers"] for line in finished.output.splitlines()]
    assert told == [{"name \N{REPLACEMENT CHARACTER}": "1"}, {"name": "1"}]


async def test_tail_leaves_out_topics_that_no_event_is_declared_for(stack: Stack, cluster: str) -> None:
    inner = await create_topic(cluster, unique("users.user-changelog"), partitions=1)
    async with admin(cluster) as client:
        try:
            async with stack.following("--json") as everything, stack.following(inner, "--json") as named:
                async with AIOKafkaProducer(bootstrap_servers=cluster) as producer:
                    await producer.send_and_wait(inner, b"inner")
                event = await stack.record()
                async with stack.relaying():
                    first, its_own = [json.loads(await first_line(each)) for each in (everything, named)]
        finally:
            await client.delete_topics([inner])
    assert first["event_id"] == str(event.event_id)
    assert its_own["topic"] == inner


async def first_line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(SECONDS):
        return await process.stdout.readline()


async def test_show_finds_an_event_by_its_id_before_and_after_it_is_published(stack: Stack) -> None:
    event = await stack.record()
    waiting = (await stack.waypost("events", "show", str(event.event_id), "--json")).told
    assert waiting["outbox"]["quarantined_because"] is None
    assert waiting["topic"] is None
    async with stack.relaying():
        await eventually(stack.is_published)
    published = (await stack.waypost("events", "show", str(event.event_id), "--personal", "--json")).told
    assert published["outbox"] is None
    assert published["topic"]["topic"] == "users.user"
    assert published["headers"]["ce_id"] == str(event.event_id)
    assert published["data"]["email"] == event.event.email


async def test_an_event_that_is_not_found_is_reported_with_the_places_searched(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(stack.folder))
    with pytest.raises(NotFound, match=r"in the event stores of .*users"):
        await find_event(uuid4())
