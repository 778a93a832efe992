"""Behaviour of every outbox: rows at the heads of its shards."""

from tests.contracts.outboxes import OutboxUnderTest
from tests.contracts.test_outbox.queries import ALL, read_pending
from waypost.kernel.partitioner import shard_for


async def test_heads_are_the_first_rows_by_id(under_test: OutboxUnderTest) -> None:
    first, second, third = [await under_test.add(b"a") for _ in range(3)]
    async with under_test.outbox.lease() as lease:
        assert await read_pending(lease, rows_per_shard=2) == [first, second]
        assert await read_pending(lease) == [first, second, third]


async def test_row_contains_every_field_of_its_record(under_test: OutboxUnderTest) -> None:
    row_id = await under_test.add(b"a", b"value")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
    assert (row.shard, row.id, row.topic, row.key, row.payload) == (
        shard_for(b"a"),
        row_id,
        "users.user",
        b"a",
        b"value",
    )
    assert row.headers.startswith("{")
    assert row.created_at.tzinfo is not None


async def test_rows_in_flight_are_skipped_and_earlier_ones_are_not(under_test: OutboxUnderTest) -> None:
    first, second, third = [await under_test.add(b"a") for _ in range(3)]
    async with under_test.outbox.lease() as lease:
        assert await read_pending(lease, in_flight={second}) == [first, third]


async def test_row_that_commits_after_a_later_one_is_found(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        async with under_test.committed_late(b"a") as late:
            later = await under_test.add(b"a")
            assert await read_pending(lease) == [later]
        assert await read_pending(lease, in_flight={later}) == [late]


async def test_each_shard_returns_its_head(under_test: OutboxUnderTest) -> None:
    keys = [str(number).encode() for number in range(40)]
    for key in keys * 2:
        await under_test.add(key)
    async with under_test.outbox.lease() as lease:
        assert len(await read_pending(lease, rows_per_shard=1)) == len({shard_for(key) for key in keys})


async def test_size_of_the_rows_is_bounded(under_test: OutboxUnderTest) -> None:
    first, second, _ = [await under_test.add(b"a", bytes(1000)) for _ in range(3)]
    async with under_test.outbox.lease() as lease:
        assert await read_pending(lease, bytes_per_shard=2000) == [first, second]


async def test_row_larger_than_the_bound_is_returned(under_test: OutboxUnderTest) -> None:
    large = await under_test.add(b"a", bytes(5000))
    async with under_test.outbox.lease() as lease:
        assert await read_pending(lease, bytes_per_shard=1) == [large]


async def test_rows_may_be_deleted_twice(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    kept = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.read_pending(ALL, in_flight={kept}, held=(), rows_per_shard=1, bytes_per_shard=1)
        assert await lease.delete([row]) == 1
        assert await lease.delete([row]) == 0
        assert await read_pending(lease) == [kept]


async def test_backlog_reports_count_and_age(under_test: OutboxUnderTest) -> None:
    assert (await under_test.outbox.backlog()).oldest_at is None
    await under_test.add(b"a")
    await under_test.add(b"b")
    backlog = await under_test.outbox.backlog()
    assert backlog.pending == 2
    assert backlog.oldest_at is not None
    assert backlog.oldest_at <= backlog.now
