"""From a committed row to a record, on real PostgreSQL and Kafka."""

import os
from dataclasses import replace

from tests.fixtures.outbox import end_sessions
from tests.integration.relay.relay_rig import RelayRig, by_key, new_key
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.partitioner import partition_for
from waypost.postgres.outbox import lease
from waypost.schemas.topics import declared_topics
from waypost.testing.eventually import eventually
from waypost.testing.topics import create_topic, unique


async def test_a_row_becomes_a_record_with_its_key_its_headers_and_its_time(relay_rig: RelayRig) -> None:
    key = new_key()
    headers = [("content-type", "application/avro"), ("ce_id", "1"), ("ce_sequence", "1")]
    await relay_rig.write(key, b"\x00value", headers=headers)
    created_at = await relay_rig.owner.fetchval("select created_at from outbox")
    async with relay_rig.relay():
        await relay_rig.until_drained()
    (record,) = await relay_rig.records()
    assert (record.key, record.value) == (key.encode(), b"\x00value")
    assert list(record.headers) == [(name, value.encode()) for name, value in headers]
    assert record.timestamp == int(created_at.timestamp() * 1000)
    assert record.partition == partition_for(key.encode(), 8)


async def test_versions_of_many_aggregates_arrive_each_in_order(relay_rig: RelayRig) -> None:
    keys = [new_key() for _ in range(20)]
    versions = [str(version).encode() for version in range(1, 31)]
    for version in versions:
        for key in keys:
            await relay_rig.write(key, version)
    async with relay_rig.relay():
        await relay_rig.until_drained()
    assert list(by_key(await relay_rig.records()).values()) == [versions] * len(keys)


async def test_two_relays_keep_the_order_and_send_nothing_twice(relay_rig: RelayRig) -> None:
    keys = [new_key() for _ in range(20)]
    async with relay_rig.relay(), relay_rig.relay():
        for version in range(1, 16):
            for key in keys:
                await relay_rig.write(key, str(version).encode())
        await relay_rig.until_drained()
    records = await relay_rig.records()
    expected = [str(version).encode() for version in range(1, 16)]
    assert list(by_key(records).values()) == [expected] * len(keys)
    assert len(records) == len(keys) * len(expected)


async def test_ended_sessions_heal(relay_rig: RelayRig, postgres: str) -> None:
    key = new_key()
    async with relay_rig.relay():
        for version in range(5):
            await relay_rig.write(key, str(version).encode())
            await eventually(lambda: end_sessions(postgres, relay_rig.database.name, "waypost-relay"))
        await relay_rig.until_drained()
    assert list(by_key(await relay_rig.records()).values()) == [[b"0", b"1", b"2", b"3", b"4"]]


async def test_rejected_record_delays_only_its_own_key(relay_rig: RelayRig) -> None:
    topic = await create_topic(relay_rig.bootstrap, f"{relay_rig.topic}-small", max_message_bytes="2000")
    small = RelayRig(database=relay_rig.database, bootstrap=relay_rig.bootstrap, topic=topic, owner=relay_rig.owner)
    stuck, others = new_key(), [new_key() for _ in range(30)]
    await small.write(stuck, b"1", os.urandom(5000), b"3")
    for key in others:
        await small.write(key, b"1", b"2")
    async with small.relay():
        await eventually(lambda: relay_rig.owner.fetchval("select count(*) = 2 from outbox"), deadline_seconds=30)
        marked = await eventually(lambda: relay_rig.owner.fetch("select key from outbox_quarantine"))
        assert [row["key"] for row in marked] == [stuck.encode()]
        await relay_rig.owner.execute("update outbox set payload = '2' where length(payload) = 5000")
        await relay_rig.owner.execute("delete from outbox_quarantine")
        await small.until_drained()
    arrived = by_key(await small.records())
    assert {str(key): values for key, values in arrived.items()} == {
        stuck: [b"1", b"2", b"3"],
        **{key: [b"1", b"2"] for key in others},
    }


async def test_heads_are_read_by_index_alone(relay_rig: RelayRig) -> None:
    """For any backlog: one range of the primary key per shard, no sort, no scan of the table."""
    await relay_rig.owner.execute(
        "insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)"
        " select n % 16, gen_random_uuid(), gen_random_uuid(), 't', n::text::bytea, 'p', '{}', now()"
        " from generate_series(1, 20000) as n"
    )
    await relay_rig.owner.execute("analyze outbox")
    for setting, value in lease._READING.items():
        await relay_rig.owner.execute(f"set {setting} = {value}")
    plan = await relay_rig.owner.fetch(
        f"explain {lease._READ_PENDING}", list(range(16)), list(range(1, 2000)), [], 125, 1_000_000, [0] * 16
    )
    text = "\n".join(line[0] for line in plan)
    assert "Index Scan using outbox_pkey on outbox" in text
    assert "Sort" not in text
    assert "Seq Scan on outbox " not in text


async def test_future_timestamp_delays_no_key(relay_rig: RelayRig) -> None:
    """A writer's clock may have been ahead for a moment: its rows are facts, for any time that they
    state.
    """
    declared = replace(declared_topics()[0], name=unique("users.user"))
    await ensure_topics(relay_rig.bootstrap, [declared])
    relay_rig = replace(relay_rig, topic=declared.name)
    await relay_rig.write(new_key(), b"early")
    await relay_rig.owner.execute("update outbox set created_at = created_at + interval '1 day'")
    async with relay_rig.relay():
        await relay_rig.until_drained()
    assert await relay_rig.values() == [b"early"]
