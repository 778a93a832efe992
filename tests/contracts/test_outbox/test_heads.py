"""What every outbox promises its relay of the rows at the heads of its shards."""

from tests.contracts.outboxes import OutboxUnderTest
from tests.contracts.test_outbox.asking import ALL, heads
from waypost.kernel.partitioning import shard_for


async def test_heads_are_the_first_rows_in_the_order_of_their_ids(under_test: OutboxUnderTest) -> None:
    first, second, third = [await under_test.add(b"a") for _ in range(3)]
    async with under_test.outbox.lease() as lease:
        assert await heads(lease, rows_per_shard=2) == [first, second]
        assert await heads(lease) == [first, second, third]


async def test_a_row_comes_with_all_that_its_record_needs(under_test: OutboxUnderTest) -> None:
    row_id = await under_test.add(b"a", b"value")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.heads(ALL, in_flight=(), held_topics=(), rows_per_shard=1, bytes_per_shard=1)
    assert (row.shard, row.id, row.topic, row.key, row.payload) == (
        shard_for(b"a"),
        row_id,
        "users.user",
        b"a",
        b"value",
    )
    assert row.headers.startswith("{")
    assert row.created_at.tzinfo is not None


async def test_what_is_in_flight_is_passed_over_and_what_stands_before_it_is_not(under_test: OutboxUnderTest) -> None:
    first, second, third = [await under_test.add(b"a") for _ in range(3)]
    async with under_test.outbox.lease() as lease:
        assert await heads(lease, in_flight={second}) == [first, third]


async def test_a_row_that_commits_behind_a_later_one_is_still_found(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        async with under_test.committed_late(b"a") as late:
            later = await under_test.add(b"a")
            assert await heads(lease) == [later]
        assert await heads(lease, in_flight={later}) == [late]


async def test_every_shard_gives_its_own_head(under_test: OutboxUnderTest) -> None:
    keys = [str(number).encode() for number in range(40)]
    for key in keys * 2:
        await under_test.add(key)
    async with under_test.outbox.lease() as lease:
        assert len(await heads(lease, rows_per_shard=1)) == len({shard_for(key) for key in keys})


async def test_large_rows_do_not_add_up_beyond_the_bound(under_test: OutboxUnderTest) -> None:
    first, second, _ = [await under_test.add(b"a", bytes(1000)) for _ in range(3)]
    async with under_test.outbox.lease() as lease:
        assert await heads(lease, bytes_per_shard=2000) == [first, second]


async def test_a_row_beyond_the_bound_is_given_all_the_same(under_test: OutboxUnderTest) -> None:
    large = await under_test.add(b"a", bytes(5000))
    async with under_test.outbox.lease() as lease:
        assert await heads(lease, bytes_per_shard=1) == [large]


async def test_deleted_rows_are_gone_and_deleting_twice_is_fine(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    kept = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.heads(ALL, in_flight={kept}, held_topics=(), rows_per_shard=1, bytes_per_shard=1)
        assert await lease.delete([row]) == 1
        assert await lease.delete([row]) == 0
        assert await heads(lease) == [kept]


async def test_the_backlog_tells_how_many_wait_and_since_when(under_test: OutboxUnderTest) -> None:
    assert (await under_test.outbox.backlog()).oldest_at is None
    await under_test.add(b"a")
    await under_test.add(b"b")
    backlog = await under_test.outbox.backlog()
    assert backlog.pending == 2
    assert backlog.oldest_at is not None
    assert backlog.oldest_at <= backlog.now
