"""A partition that takes no records delays no other, and no acknowledged record is sent again."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.unit.waypost.engine.relay.rig import TOPIC, RelayRig, first_of_each, refusing
from waypost.engine.relay import Relay, in_flight, state, term
from waypost.engine.relay.held import HeldPartitions, PartitionsHeld
from waypost.kernel.backoff import Backoff
from waypost.kernel.partitioner import SHARDS, shard_for
from waypost.memory.broker import MemoryPartitionSender
from waypost.memory.outbox import MemoryOutboxLease
from waypost.ports.broker import OutgoingRecord, PartitionFailed
from waypost.ports.outbox import PendingRow
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually

BAD, GOOD = Partition(TOPIC, 0), Partition(TOPIC, 1)
REASON = "NotEnoughReplicasError"


def keys_of(partition: Partition) -> list[bytes]:
    keys = (b"%d" % number for number in range(200))
    return [key for key in keys if shard_for(key) % 2 == partition.number]


BAD_KEY, GOOD_KEY = keys_of(BAD)[0], keys_of(GOOD)[0]


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch) -> RelayRig:
    """A topic of two partitions. Slow partitions are recognized at once."""
    monkeypatch.setattr(in_flight, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(term, "SEND_SECONDS", 0.05)
    return RelayRig(partitions=2)


@pytest.fixture
async def relay(halves: RelayRig) -> Relay:
    return await halves.start_relay()


@pytest.fixture(autouse=True)
async def stopped(halves: RelayRig) -> object:
    yield
    for relay in halves.relays:
        await relay.stop()


async def held(relay: Relay) -> str:
    try:
        await relay.makes_progress()
    except PartitionsHeld as error:
        return str(error)
    return ""


async def release(rig: RelayRig, partition: Partition) -> None:
    async with rig.broker.accepting:
        del rig.broker.held[partition]
        rig.broker.accepting.notify_all()


def counts(rig: RelayRig) -> set[int]:
    """How often each record was published."""
    return set(Counter(rig.published()).values())


async def test_others_flow_while_a_partition_is_held_and_nothing_is_published_twice(halves: RelayRig) -> None:
    halves.broker.held[BAD] = REASON
    relay = await halves.start_relay()
    bad, good = [b"b%d" % number for number in range(5)], [b"g%d" % number for number in range(20)]
    halves.write(BAD_KEY, *bad[:2])
    halves.write(GOOD_KEY, *good[:10])
    await halves.until_published(*good[:10])
    await eventually(lambda: held(relay))
    halves.write(BAD_KEY, *bad[2:])
    halves.write(GOOD_KEY, *good[10:])
    await eventually(lambda: {row.key for row in halves.outbox.rows.values()} == {BAD_KEY})
    await release(halves, BAD)
    await halves.until_drained()
    assert [each for each in halves.published() if each in bad] == bad
    assert [each for each in halves.published() if each in good] == good
    assert counts(halves) == {1}
    assert halves.broker.publishers == 1


async def test_a_held_partition_is_named_with_its_reason(halves: RelayRig) -> None:
    halves.broker.held[BAD] = REASON
    labels = {"partition": str(BAD), "reason": REASON}
    with capture_logs() as logs:
        relay = await halves.start_relay()
        halves.write(BAD_KEY, b"1")
        assert f"{BAD}: {REASON}" in await eventually(lambda: held(relay))
        assert REGISTRY.get_sample_value("waypost_relay_held_partitions", labels) == 1
        await release(halves, BAD)
        await eventually(lambda: is_free(relay))
    assert REGISTRY.get_sample_value("waypost_relay_held_partitions", labels) is None
    events = [(each["event"], each["partition"]) for each in logs if "partition" in each]
    assert events == [("partition_held", str(BAD)), ("partition_released", str(BAD))]


async def is_free(relay: Relay) -> bool:
    return await held(relay) == ""


async def test_rejected_record_ends_no_term(halves: RelayRig) -> None:
    halves.broker.refuses = refusing(b"bad")
    relay = await halves.start_relay()
    halves.write(BAD_KEY, b"1", b"bad", b"3")
    halves.write(keys_of(BAD)[1], b"4", b"5")
    halves.write(GOOD_KEY, b"6")
    await eventually(lambda: halves.outbox.marked)
    await eventually(lambda: {row.payload for row in halves.outbox.rows.values()} == {b"bad", b"3"})
    assert set(halves.published()) == {b"1", b"4", b"5", b"6"}
    assert counts(halves) == {1}
    assert halves.broker.publishers == 1
    assert relay.ready.is_set()


async def test_rows_behind_a_rejected_one_keep_their_order(halves: RelayRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that were read meanwhile are dropped with it."""
    monkeypatch.setattr(state.ChunkSize, "MAX_ROWS", 32)
    refusals = iter(range(2))
    halves.broker.refuses = lambda record: record.value == b"7" and next(refusals, None) is not None
    payloads = [b"%d" % number for number in range(100)]
    await halves.start_relay()
    halves.write(BAD_KEY, *payloads)
    await halves.until_drained()
    assert halves.published() == payloads


async def test_rows_that_were_read_before_a_refusal_do_not_overtake(
    halves: RelayRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is read while the refused row is in flight, and returned after it was dropped."""
    monkeypatch.setattr(state.ChunkSize, "MAX_ROWS", SHARDS)
    monkeypatch.setattr(state, "PAUSES", Backoff(first_seconds=0.0, factor=1.0, max_seconds=0.0))
    refusals, read = iter(range(1)), MemoryOutboxLease.read_pending
    late_pages = 0

    async def read_late(self: MemoryOutboxLease, *arguments: Any, **limits: Any) -> Sequence[PendingRow]:
        nonlocal late_pages
        page = await read(self, *arguments, **limits)
        if [row.payload for row in page] == [b"2"] and late_pages == 0:
            late_pages += 1
            await eventually(lambda: not limits["in_flight"])
        return page

    monkeypatch.setattr(MemoryOutboxLease, "read_pending", read_late)
    halves.broker.refuses = lambda record: record.value == b"1" and next(refusals, None) is not None
    halves.write(BAD_KEY, b"1", b"2")
    await halves.start_relay()
    await halves.until_drained()
    assert late_pages == 1
    assert halves.published() == [b"1", b"2"]


async def test_acknowledged_rows_are_not_sent_again_after_a_partition_needs_another_producer(
    halves: RelayRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The producer is replaced when the other partitions have acknowledged theirs."""
    append, failures = MemoryPartitionSender._append, iter(range(2))

    async def fail(sender: MemoryPartitionSender, batch: Sequence[OutgoingRecord]) -> None:
        if sender._partition == BAD and next(failures, None) is not None:
            raise PartitionFailed(BAD, "OutOfOrderSequenceNumber")
        await append(sender, batch)

    monkeypatch.setattr(MemoryPartitionSender, "_append", fail)
    monkeypatch.setattr(in_flight, "SLOW_SECONDS", 5.0)
    monkeypatch.setattr(term, "SEND_SECONDS", 5.0)
    halves.broker.acknowledging.clear()
    await halves.start_relay()
    halves.write(GOOD_KEY, b"good")
    await halves.until_published(b"good")
    halves.write(BAD_KEY, b"1", b"2")
    await eventually(lambda: halves.relays[0]._state.held_partitions._reasons)
    halves.broker.acknowledging.set()
    await halves.until_drained()
    assert halves.published().count(b"good") == 1
    assert first_of_each([each for each in halves.published() if each != b"good"]) == [b"1", b"2"]


async def test_partition_whose_append_hangs_stops_no_other(halves: RelayRig) -> None:
    halves.broker.unanswered.add(str(BAD))
    await halves.start_relay()
    halves.write(BAD_KEY, b"hangs")
    good = [b"g%d" % number for number in range(50)]
    written = list[bytes]()
    for payload in good:
        written.append(payload)
        halves.write(GOOD_KEY, payload)
        await eventually(lambda: set(written) <= set(halves.published(TOPIC)))
    await eventually(lambda: {row.key for row in halves.outbox.rows.values()} == {BAD_KEY})
    assert halves.published(TOPIC).count(good[-1]) == 1
    assert Counter(each for each in halves.published() if each != b"hangs") == dict.fromkeys(good, 1)
    halves.broker.unanswered.clear()
    await halves.until_drained()


async def test_partition_that_does_not_divide_the_shards_is_held_with_its_topic(
    halves: RelayRig,
) -> None:
    halves.broker.partitions = 3
    halves.broker.topics.add("users.other")
    halves.broker.held[BAD] = REASON
    await halves.start_relay()
    rows = [(b"%d" % key, b"%d-%d" % (key, version)) for version in range(4) for key in range(20)]
    for key, payload in rows:
        halves.write(key, payload)
    halves.write(b"a", b"other", topic="users.other")
    await eventually(lambda: b"other" in halves.published("users.other"))
    await release(halves, BAD)
    await halves.until_drained()
    for number in range(20):
        of_key = [each for each in halves.published() if each.startswith(b"%d-" % number)]
        assert of_key == [b"%d-%d" % (number, version) for version in range(4)]


async def test_second_relay_gets_shards_while_a_partition_is_held(halves: RelayRig) -> None:
    """Shards with rows of the held partition stay with the first one, which still reads them."""
    halves.broker.topics.add("users.other")
    halves.broker.held[BAD] = REASON
    relay = await halves.start_relay()
    await eventually(lambda: len(halves.outbox.leases[0].held) == 16)
    halves.write(BAD_KEY, b"held")
    await eventually(lambda: held(relay))
    await halves.start_relay()
    await eventually(lambda: len(halves.outbox.leases[1].held) > 0)
    halves.write(BAD_KEY, b"flows", topic="users.other")
    halves.outbox.add("users.other", BAD_KEY, b"flows too")
    await eventually(lambda: halves.published("users.other"))


async def test_report_that_is_not_repeated_ends(halves: RelayRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are gone, or another relay has their shard."""
    reports = HeldPartitions()
    reports.report(str(BAD), REASON)
    reports.drop_stale()
    with pytest.raises(PartitionsHeld):
        await reports.require_none()
    monkeypatch.setattr("waypost.engine.relay.held.STALE_SECONDS", -1.0)
    reports.drop_stale()
    await reports.require_none()
