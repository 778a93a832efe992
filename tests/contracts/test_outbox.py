"""What every outbox promises its relay."""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine

import pytest

from shared.kernel.errors import Transient
from shared.kernel.partitioning import SHARDS, shard_for
from shared.ports.outbox import OutboxLease
from tests.contracts.outboxes import InMemory, OnPostgres, OutboxUnderTest
from tests.fixtures.database import Database, connected
from tests.fixtures.eventually import eventually
from tests.fixtures.outbox import migrate_toolkit

ALL = frozenset(range(SHARDS))


@pytest.fixture
def in_memory() -> OutboxUnderTest:
    return InMemory()


@pytest.fixture
async def on_postgres(database: Database, postgres: str) -> AsyncIterator[OutboxUnderTest]:
    users = await database("users", migrate_toolkit)
    async with connected(users.owner) as owner:
        yield OnPostgres(users, postgres, owner)


@pytest.fixture(params=["in_memory", "on_postgres"])
def under_test(request: pytest.FixtureRequest) -> OutboxUnderTest:
    found: OutboxUnderTest = request.getfixturevalue(request.param)
    return found


async def heads(
    lease: OutboxLease,
    *,
    in_flight: Collection[int] = (),
    held_topics: Collection[str] = (),
    rows_per_shard: int = 100,
    bytes_per_shard: int = 1_000_000,
) -> list[int]:
    rows = await lease.heads(
        ALL,
        in_flight=in_flight,
        held_topics=held_topics,
        rows_per_shard=rows_per_shard,
        bytes_per_shard=bytes_per_shard,
    )
    return [row.id for row in rows]


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


async def test_rows_of_a_held_topic_are_passed_over(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a", topic="users.missing")
    other = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        assert await heads(lease, held_topics=["users.missing"]) == [other]


async def test_rows_of_a_marked_key_stay_and_are_passed_over(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    other = await under_test.add(b"b")
    async with under_test.outbox.lease() as lease:
        (unsendable, *_) = await lease.heads(
            [shard_for(b"a")], in_flight=(), held_topics=(), rows_per_shard=1, bytes_per_shard=1
        )
        assert await lease.mark(unsendable, "too large")
        assert not await lease.mark(unsendable, "twice is once")
        await under_test.add(b"a")
        assert await heads(lease) == [other]
        backlog = await under_test.outbox.backlog()
        assert (backlog.pending, backlog.marked_keys) == (1, 1)


async def test_a_row_that_is_gone_marks_nothing(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.heads(ALL, in_flight=(), held_topics=(), rows_per_shard=1, bytes_per_shard=1)
        await lease.delete([row])
        assert not await lease.mark(row, "another relay got it through")
        assert (await under_test.outbox.backlog()).marked_keys == 0


async def test_a_key_of_another_s_shard_is_not_marked(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    async with under_test.outbox.lease() as one, under_test.outbox.lease() as other:
        (row,) = await one.heads(ALL, in_flight=(), held_topics=(), rows_per_shard=1, bytes_per_shard=1)
        await other.acquire(ALL, at_most=SHARDS)
        assert not await one.mark(row, "too large")
        assert await other.mark(row, "too large")


async def test_after_many_reads_a_late_commit_is_still_found(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        async with under_test.committed_late(b"a") as late:
            await publish(lease, await under_test.add(b"a"), await under_test.add(b"b"))
        assert await heads(lease) == [late]


async def test_after_many_reads_a_key_whose_mark_was_taken_away_is_found_from_its_first_row(
    under_test: OutboxUnderTest,
) -> None:
    marked = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.heads(ALL, in_flight=(), held_topics=(), rows_per_shard=1, bytes_per_shard=1)
        await lease.mark(row, "too large")
        await publish(lease, await under_test.add(b"b"), await under_test.add(b"c"))
        await under_test.take_marks_away()
        assert await heads(lease) == [marked]


async def test_after_many_reads_a_topic_that_is_not_held_any_more_is_found_from_its_first_row(
    under_test: OutboxUnderTest,
) -> None:
    held = await under_test.add(b"a", topic="users.missing")
    async with under_test.outbox.lease() as lease:
        await publish(lease, await under_test.add(b"b"), await under_test.add(b"c"), held_topics=["users.missing"])
        assert await heads(lease) == [held]


async def test_after_many_reads_a_shard_that_was_gained_is_read_from_its_first_row(under_test: OutboxUnderTest) -> None:
    gained = await under_test.add(b"a")
    others = ALL - {shard_for(b"a")}
    async with under_test.outbox.lease() as lease:
        await publish(lease, await under_test.add(b"b"), await under_test.add(b"c"), shards=others)
        assert await heads(lease) == [gained]


async def test_deleted_rows_are_gone_and_deleting_twice_is_fine(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    kept = await under_test.add(b"a")
    async with under_test.outbox.lease() as lease:
        (row,) = await lease.heads(ALL, in_flight={kept}, held_topics=(), rows_per_shard=1, bytes_per_shard=1)
        assert await lease.delete([row]) == 1
        assert await lease.delete([row]) == 0
        assert await heads(lease) == [kept]


async def test_a_shard_has_one_holder(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as one, under_test.outbox.lease() as other:
        assert await one.acquire(ALL, at_most=10) < ALL
        rest = await other.acquire(ALL, at_most=10)
        assert len(rest) == SHARDS - 10
        await other.release(rest)
        assert await one.acquire(rest, at_most=SHARDS) == rest


async def test_the_end_of_a_lease_gives_its_shards_back(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as other:
        async with under_test.outbox.lease() as one:
            await one.acquire(ALL, at_most=SHARDS)
            assert await other.live_relays() == 2
        await eventually(lambda: _alone(other))
        assert await other.acquire(ALL, at_most=SHARDS) == ALL


async def test_a_silent_holder_loses_its_shards_and_can_delete_nothing(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    async with under_test.outbox.lease() as frozen, under_test.outbox.lease() as other:
        await frozen.acquire(ALL, at_most=SHARDS)
        rows = await frozen.heads(ALL, in_flight=(), held_topics=(), rows_per_shard=1, bytes_per_shard=1)
        under_test.fall_silent(frozen)
        await eventually(lambda: _alone(other))
        await eventually(taking_all(other))
        with pytest.raises(Transient):
            await frozen.delete(rows)
        assert await heads(other) == [row.id for row in rows]


async def test_a_lost_session_says_so(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        await under_test.lose_sessions()
        with pytest.raises(Transient):
            await lease.live_relays()
        with pytest.raises(Transient):
            await heads(lease)
    async with under_test.outbox.lease() as fresh:
        assert await fresh.acquire(ALL, at_most=SHARDS) == ALL


async def test_the_backlog_tells_how_many_wait_and_since_when(under_test: OutboxUnderTest) -> None:
    assert (await under_test.outbox.backlog()).oldest_at is None
    await under_test.add(b"a")
    await under_test.add(b"b")
    backlog = await under_test.outbox.backlog()
    assert backlog.pending == 2
    assert backlog.oldest_at is not None
    assert backlog.oldest_at <= backlog.now


async def publish(
    lease: OutboxLease, *ids: int, held_topics: Collection[str] = (), shards: Collection[int] = ALL
) -> None:
    """Reads, deletes exactly these rows, and goes on reading for a while."""
    rows = await lease.heads(
        shards, in_flight=(), held_topics=held_topics, rows_per_shard=100, bytes_per_shard=1_000_000
    )
    found = [row for row in rows if row.id in ids]
    assert len(found) == len(ids)
    await lease.delete(found)
    for _ in range(5):
        left = await lease.heads(
            shards, in_flight=(), held_topics=held_topics, rows_per_shard=100, bytes_per_shard=1_000_000
        )
        assert not {row.id for row in left} & set(ids)


async def _alone(lease: OutboxLease) -> bool:
    return await lease.live_relays() == 1


def taking_all(lease: OutboxLease) -> Callable[[], Coroutine[None, None, bool]]:
    held: set[int] = set()

    async def take() -> bool:
        held.update(await lease.acquire(ALL - held, at_most=SHARDS))
        return held == ALL

    return take
