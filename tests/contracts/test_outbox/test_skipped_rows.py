"""Behaviour of every outbox: skipped rows are neither lost nor overtaken."""

import asyncio

from tests.contracts.outboxes import TOPIC, OutboxUnderTest
from tests.contracts.test_outbox.queries import ALL, publish, read_pending
from waypost.kernel.partitioner import shard_for


async def test_rows_of_a_held_topic_are_skipped(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a", topic="users.missing")
    other = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        assert await read_pending(lease, held=[(shard, "users.missing") for shard in ALL]) == [other]


async def test_rows_of_a_held_topic_in_other_shards_are_read(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    other = await under_test.add(b"b")
    async with under_test.outbox.lease() as lease:
        assert await read_pending(lease, held=[(shard_for(b"a"), TOPIC)]) == [other]


async def test_rows_put_back_are_read_again_after_many_reads(under_test: OutboxUnderTest) -> None:
    """Also those of an earlier read, while other rows are published."""
    failed = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
        for _ in range(5):
            later = await under_test.add(b"a")
            assert await read_pending(lease, in_flight={failed}) == [later]
            await publish(lease, later, in_flight={failed})
        lease.put_back([row])
        assert await read_pending(lease) == [failed]


async def test_rows_put_back_during_a_read_are_read_again_after_many_reads(under_test: OutboxUnderTest) -> None:
    failed = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
        for _ in range(5):
            await publish(lease, await under_test.add(b"a"), in_flight={failed})
        await under_test.add(b"a")
        in_flight = {failed}
        reading = asyncio.create_task(read_pending(lease, in_flight=in_flight))
        await asyncio.sleep(0)
        lease.put_back([row])
        await reading
        in_flight.clear()
        assert failed in await read_pending(lease)


async def test_rows_of_a_quarantined_key_stay_and_are_skipped(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    other = await under_test.add(b"b")
    async with under_test.outbox.lease() as lease:
        (unsendable, *_) = await lease.read_pending(
            [shard_for(b"a")], in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1
        )
        assert await lease.quarantine_key(unsendable, "too large")
        assert not await lease.quarantine_key(unsendable, "twice is once")
        await under_test.add(b"a")
        assert await read_pending(lease) == [other]
        backlog = await under_test.outbox.backlog()
        assert (backlog.pending, backlog.quarantined_keys) == (1, 1)


async def test_deleted_row_quarantines_nothing(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
        await lease.delete([row])
        assert not await lease.quarantine_key(row, "another relay got it through")
        assert (await under_test.outbox.backlog()).quarantined_keys == 0


async def test_late_commit_is_found_after_many_reads(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        async with under_test.committed_late(b"a") as late:
            await publish(lease, await under_test.add(b"a"), await under_test.add(b"b"))
        assert await read_pending(lease) == [late]


async def test_released_key_is_read_from_its_first_row_after_many_reads(
    under_test: OutboxUnderTest,
) -> None:
    marked = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
        await lease.quarantine_key(row, "too large")
        await publish(lease, await under_test.add(b"b"), await under_test.add(b"c"))
        await under_test.take_marks_away()
        assert await read_pending(lease) == [marked]


async def test_topic_no_longer_held_is_read_from_its_first_row_after_many_reads(
    under_test: OutboxUnderTest,
) -> None:
    held = await under_test.add(b"a", topic="users.missing")
    async with under_test.outbox.lease() as lease:
        await publish(
            lease,
            await under_test.add(b"b"),
            await under_test.add(b"c"),
            held=[(shard, "users.missing") for shard in ALL],
        )
        assert await read_pending(lease) == [held]


async def test_acquired_shard_is_read_from_its_first_row_after_many_reads(under_test: OutboxUnderTest) -> None:
    gained = await under_test.add(b"a")
    others = ALL - {shard_for(b"a")}
    async with under_test.outbox.lease() as lease:
        await publish(lease, await under_test.add(b"b"), await under_test.add(b"c"), shards=others)
        assert await read_pending(lease) == [gained]


async def test_row_that_was_read_and_put_aside_is_read_again_after_many_reads(under_test: OutboxUnderTest) -> None:
    first, second = await under_test.add(b"a"), await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        for _ in range(5):
            assert await read_pending(lease, in_flight={second}) == [first]
        await publish(lease, await under_test.add(b"b"))
        assert await read_pending(lease, in_flight={second}) == [first]


async def test_late_commit_below_rows_in_flight_is_found_after_many_reads(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        async with under_test.committed_late(b"a") as late:
            later = await under_test.add(b"a")
            for _ in range(5):
                await read_pending(lease, in_flight={later})
        assert await read_pending(lease, in_flight={later}) == [late]
