"""What every inbox promises its consumer."""

import pytest

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.ports.inbox import Arrival
from waypost.ports.subscription import Partition

__all__ = ["in_memory", "on_postgres", "service"]

FIRST, SECOND = Partition("users.user", 0), Partition("users.user", 1)


def arrivals(count: int) -> list[Arrival]:
    return [Arrival(event_id=EventId(new_id()), tenant_id=TenantId(new_id()), offset=offset) for offset in range(count)]


class Undone(Exception):
    """Rolls a transaction back."""


async def test_the_fence_moves_from_where_the_consumer_stands_and_from_nowhere_else(service: ServiceUnderTest) -> None:
    intakes = service.intakes("club.readers")
    async with intakes.begin(()) as intake:
        assert not await intake.inbox.fence(FIRST, expected=0, next_offset=5, topic_id=None)
        await intake.inbox.count_start(FIRST)
        assert await intake.inbox.fence(FIRST, expected=0, next_offset=5, topic_id=None)
    async with intakes.begin(()) as intake:
        assert not await intake.inbox.fence(FIRST, expected=0, next_offset=9, topic_id=None)
        assert (await intake.inbox.standing(FIRST)).next_offset == 5
        assert (await intake.inbox.standing(SECOND)).next_offset == 0


async def test_starts_are_counted_until_the_fence_clears_them(service: ServiceUnderTest) -> None:
    intakes = service.intakes("club.readers")
    for expected in (1, 2):
        async with intakes.begin(()) as intake:
            assert (await intake.inbox.count_start(FIRST)).starts == expected
    async with intakes.begin(()) as intake:
        await intake.inbox.fence(FIRST, expected=0, next_offset=1, topic_id=None)
        assert (await intake.inbox.standing(FIRST)).starts == 0


async def test_a_topic_made_anew_is_read_from_its_beginning(service: ServiceUnderTest) -> None:
    old, new = new_id(), new_id()
    intakes = service.intakes("club.readers")
    async with intakes.begin(()) as intake:
        await intake.inbox.adopt(FIRST, old)
        await intake.inbox.adopt(FIRST, new)
        assert (await intake.inbox.standing(FIRST)).topic_id == old
        await intake.inbox.fence(FIRST, expected=0, next_offset=7, topic_id=old)
    async with intakes.begin(()) as intake:
        await intake.inbox.start_over(FIRST, new)
        standing = await intake.inbox.standing(FIRST)
        assert not await intake.inbox.fence(FIRST, expected=0, next_offset=7, topic_id=old)
        assert await intake.inbox.fence(FIRST, expected=0, next_offset=1, topic_id=new)
    assert (standing.next_offset, standing.topic_id) == (0, new)


async def test_an_event_is_claimed_once_also_within_a_batch(service: ServiceUnderTest) -> None:
    one, two, three = arrivals(3)
    intakes = service.intakes("club.readers")
    async with intakes.begin(()) as intake:
        assert await intake.inbox.claim(FIRST, [one, two, one]) == {one.event_id, two.event_id}
    async with intakes.begin(()) as intake:
        assert await intake.inbox.claim(FIRST, [two, three, one]) == {three.event_id}


async def test_another_consumer_claims_for_itself(service: ServiceUnderTest) -> None:
    (one,) = arrivals(1)
    for name in ("club.readers", "club.writers"):
        async with service.intakes(name).begin(()) as intake:
            assert await intake.inbox.claim(FIRST, [one]) == {one.event_id}


async def test_a_rollback_forgets_everything(service: ServiceUnderTest) -> None:
    (one,) = arrivals(1)
    aggregate = new_id()
    intakes = service.intakes("club.readers")
    with pytest.raises(Undone):
        async with intakes.begin(()) as intake:
            await intake.inbox.count_start(FIRST)
            await intake.inbox.claim(FIRST, [one])
            await intake.inbox.advance("users.user", {aggregate: 3})
            raise Undone
    async with intakes.begin(()) as intake:
        assert (await intake.inbox.standing(FIRST)).starts == 0
        assert await intake.inbox.claim(FIRST, [one]) == {one.event_id}
        assert await intake.inbox.versions("users.user", [aggregate]) == {}


async def test_versions_only_rise(service: ServiceUnderTest) -> None:
    one, two, unknown = new_id(), new_id(), new_id()
    intakes = service.intakes("club.readers")
    async with intakes.begin(()) as intake:
        await intake.inbox.advance("users.user", {one: 3, two: 1})
        await intake.inbox.advance("users.user", {one: 2, two: 2})
    async with intakes.begin(()) as intake:
        assert await intake.inbox.versions("users.user", [one, two, unknown]) == {one: 3, two: 2}
        assert await intake.inbox.versions("users.tenant", [one]) == {}
