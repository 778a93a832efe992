"""From a committed row to a record, on real PostgreSQL and Kafka."""

import os
from dataclasses import replace

from tests.fixtures.outbox import end_sessions
from tests.integration.relay.house import House, by_key, new_key
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.partitioning import partition_for
from waypost.postgres.outbox import lease
from waypost.schemas.topics import declared_topics
from waypost.testing.eventually import eventually
from waypost.testing.topics import create_topic, unique


async def test_a_row_becomes_a_record_with_its_key_its_headers_and_its_time(house: House) -> None:
    key = new_key()
    headers = [("content-type", "application/avro"), ("ce_id", "1"), ("ce_sequence", "1")]
    await house.write(key, b"\x00value", headers=headers)
    created_at = await house.owner.fetchval("select created_at from outbox")
    async with house.relay():
        await house.until_drained()
    (record,) = await house.records()
    assert (record.key, record.value) == (key.encode(), b"\x00value")
    assert list(record.headers) == [(name, value.encode()) for name, value in headers]
    assert record.timestamp == int(created_at.timestamp() * 1000)
    assert record.partition == partition_for(key.encode(), 8)


async def test_versions_of_many_aggregates_arrive_each_in_order(house: House) -> None:
    keys = [new_key() for _ in range(20)]
    versions = [str(version).encode() for version in range(1, 31)]
    for version in versions:
        for key in keys:
            await house.write(key, version)
    async with house.relay():
        await house.until_drained()
    assert list(by_key(await house.records()).values()) == [versions] * len(keys)


async def test_two_relays_keep_the_order_and_send_nothing_twice(house: House) -> None:
    keys = [new_key() for _ in range(20)]
    async with house.relay(), house.relay():
        for version in range(1, 16):
            for key in keys:
                await house.write(key, str(version).encode())
        await house.until_drained()
    records = await house.records()
    expected = [str(version).encode() for version in range(1, 16)]
    assert list(by_key(records).values()) == [expected] * len(keys)
    assert len(records) == len(keys) * len(expected)


async def test_ended_sessions_heal(house: House, postgres: str) -> None:
    key = new_key()
    async with house.relay():
        for version in range(5):
            await house.write(key, str(version).encode())
            await eventually(lambda: end_sessions(postgres, house.database.name, "waypost-relay"))
        await house.until_drained()
    assert list(by_key(await house.records()).values()) == [[b"0", b"1", b"2", b"3", b"4"]]


async def test_a_record_the_topic_does_not_take_holds_up_its_own_key_alone(house: House) -> None:
    topic = await create_topic(house.bootstrap, f"{house.topic}-small", max_message_bytes="2000")
    small = House(database=house.database, bootstrap=house.bootstrap, topic=topic, owner=house.owner)
    stuck, others = new_key(), [new_key() for _ in range(30)]
    await small.write(stuck, b"1", os.urandom(5000), b"3")
    for key in others:
        await small.write(key, b"1", b"2")
    async with small.relay():
        await eventually(lambda: house.owner.fetchval("select count(*) = 2 from outbox"), deadline_seconds=30)
        marked = await house.owner.fetch("select key from outbox_quarantine")
        assert [row["key"] for row in marked] == [stuck.encode()]
        await house.owner.execute("update outbox set payload = '2' where length(payload) = 5000")
        await house.owner.execute("delete from outbox_quarantine")
        await small.until_drained()
    arrived = by_key(await small.records())
    assert {str(key): values for key, values in arrived.items()} == {
        stuck: [b"1", b"2", b"3"],
        **{key: [b"1", b"2"] for key in others},
    }


async def test_heads_are_read_by_index_alone(house: House) -> None:
    """Whatever the backlog: one range of the primary key per shard, no sort, no scan of the table."""
    await house.owner.execute(
        "insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)"
        " select n % 16, gen_random_uuid(), gen_random_uuid(), 't', n::text::bytea, 'p', '{}', now()"
        " from generate_series(1, 20000) as n"
    )
    await house.owner.execute("analyze outbox")
    plan = await house.owner.fetch(
        f"explain {lease._HEADS}", list(range(16)), list(range(1, 2000)), [], 125, 1_000_000, 0
    )
    text = "\n".join(line[0] for line in plan)
    assert "Index Scan using outbox_pkey on outbox" in text
    assert "Sort" not in text
    assert "Seq Scan on outbox " not in text


async def test_an_hour_that_is_not_here_yet_holds_no_key_up(house: House) -> None:
    """A writer's clock may have been ahead for a moment: its rows are facts, whatever they say of
    the time.
    """
    declared = replace(declared_topics()[0], name=unique("users.user"))
    await ensure_topics(house.bootstrap, [declared])
    house = replace(house, topic=declared.name)
    await house.write(new_key(), b"early")
    await house.owner.execute("update outbox set created_at = created_at + interval '1 day'")
    async with house.relay():
        await house.until_drained()
    assert await house.values() == [b"early"]
