"""Behaviour of every inbox, as a consumer needs it."""

import pytest

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition

__all__ = ["in_memory", "on_postgres", "service"]

FIRST, SECOND = Partition("users.user", 0), Partition("users.user", 1)


def entries(count: int) -> list[InboxEntry]:
    return [
        InboxEntry(event_id=EventId(new_id()), tenant_id=TenantId(new_id()), offset=offset) for offset in range(count)
    ]


class Undone(Exception):
    """Rolls a transaction back."""


async def test_fence_advances_only_from_the_stored_position(service: ServiceUnderTest) -> None:
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        assert not await transaction.inbox.fence(FIRST, expected=0, next_offset=5, topic_id=None)
        await transaction.inbox.count_batch_start(FIRST)
        assert await transaction.inbox.fence(FIRST, expected=0, next_offset=5, topic_id=None)
    async with transactions.begin(()) as transaction:
        assert not await transaction.inbox.fence(FIRST, expected=0, next_offset=9, topic_id=None)
        assert (await transaction.inbox.consumer_position(FIRST)).next_offset == 5
        assert (await transaction.inbox.consumer_position(SECOND)).next_offset == 0


async def test_starts_are_counted_until_the_fence_resets_them(service: ServiceUnderTest) -> None:
    transactions = service.transactions("club.readers")
    for expected in (1, 2):
        async with transactions.begin(()) as transaction:
            assert (await transaction.inbox.count_batch_start(FIRST)).starts == expected
    async with transactions.begin(()) as transaction:
        await transaction.inbox.fence(FIRST, expected=0, next_offset=1, topic_id=None)
        assert (await transaction.inbox.consumer_position(FIRST)).starts == 0


async def test_recreated_topic_is_read_from_its_beginning(service: ServiceUnderTest) -> None:
    old, new = new_id(), new_id()
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.inbox.store_topic_id(FIRST, old)
        await transaction.inbox.store_topic_id(FIRST, new)
        assert (await transaction.inbox.consumer_position(FIRST)).topic_id == old
        await transaction.inbox.fence(FIRST, expected=0, next_offset=7, topic_id=old)
    async with transactions.begin(()) as transaction:
        await transaction.inbox.reset_position(FIRST, new)
        consumer_position = await transaction.inbox.consumer_position(FIRST)
        assert not await transaction.inbox.fence(FIRST, expected=0, next_offset=7, topic_id=old)
        assert await transaction.inbox.fence(FIRST, expected=0, next_offset=1, topic_id=new)
    assert (consumer_position.next_offset, consumer_position.topic_id) == (0, new)


async def test_fence_stores_the_identity_of_the_last_record(service: ServiceUnderTest) -> None:
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.inbox.count_batch_start(FIRST)
        await transaction.inbox.fence(FIRST, expected=0, next_offset=5, topic_id=None, last_record=b"fourth")
        assert (await transaction.inbox.consumer_position(FIRST)).last_record == b"fourth"
        assert (await transaction.inbox.count_batch_start(FIRST)).last_record == b"fourth"
        await transaction.inbox.fence(FIRST, expected=5, next_offset=6, topic_id=None)
        assert (await transaction.inbox.consumer_position(FIRST)).last_record is None
        await transaction.inbox.fence(FIRST, expected=6, next_offset=7, topic_id=None, last_record=b"sixth")
        await transaction.inbox.reset_position(FIRST, None)
        assert (await transaction.inbox.consumer_position(FIRST)).last_record is None


async def test_event_is_claimed_once_also_within_a_batch(service: ServiceUnderTest) -> None:
    one, two, three = entries(3)
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        assert await transaction.inbox.claim(FIRST, [one, two, one]) == {one.event_id, two.event_id}
    async with transactions.begin(()) as transaction:
        assert await transaction.inbox.claim(FIRST, [two, three, one]) == {three.event_id}


async def test_consumers_claim_independently(service: ServiceUnderTest) -> None:
    (one,) = entries(1)
    for name in ("club.readers", "club.writers"):
        async with service.transactions(name).begin(()) as transaction:
            assert await transaction.inbox.claim(FIRST, [one]) == {one.event_id}


async def test_rollback_undoes_everything(service: ServiceUnderTest) -> None:
    (one,) = entries(1)
    aggregate = new_id()
    transactions = service.transactions("club.readers")
    with pytest.raises(Undone):
        async with transactions.begin(()) as transaction:
            await transaction.inbox.count_batch_start(FIRST)
            await transaction.inbox.claim(FIRST, [one])
            await transaction.inbox.advance("users.user", {aggregate: 3})
            raise Undone
    async with transactions.begin(()) as transaction:
        assert (await transaction.inbox.consumer_position(FIRST)).starts == 0
        assert await transaction.inbox.claim(FIRST, [one]) == {one.event_id}
        assert await transaction.inbox.versions("users.user", [aggregate]) == {}


async def test_versions_never_decrease(service: ServiceUnderTest) -> None:
    one, two, unknown = new_id(), new_id(), new_id()
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.inbox.advance("users.user", {one: 3, two: 1})
        await transaction.inbox.advance("users.user", {one: 2, two: 2})
    async with transactions.begin(()) as transaction:
        assert await transaction.inbox.versions("users.user", [one, two, unknown]) == {one: 3, two: 2}
        assert await transaction.inbox.versions("users.tenant", [one]) == {}
