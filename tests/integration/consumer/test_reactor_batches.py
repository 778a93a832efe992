"""A reactor handles many events in one transaction, and each as if it had its own."""

import contextlib
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.fixtures.club import IMPATIENT, Stage, User
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent
from waypost.kernel.tenant import current_tenants
from waypost.ports.consumers import ReactorHandler
from waypost.ports.unit_of_work import UnitOfWork
from waypost.testing.eventually import eventually

GENEROUS = replace(IMPATIENT, reactor_seconds=5.0)
"""Each transaction handles twice as many events as the one before, on a slow machine too."""


async def reacted(stage: Stage, handler: ReactorHandler, people: list[User]) -> None:
    """The reactor with this handler has processed an event of each, in the order of the list."""
    await stage.topic.publish(*(event for person in people for event in person.tells("name")))
    reactor = stage.club.greetings
    async with stage.consuming(replace(reactor, handlers=dict.fromkeys(reactor.handlers, handler)), GENEROUS):
        await eventually(lambda: stage.reached(len(people), consumers=1))


async def transactions(stage: Stage, *people: User) -> int:
    ((number,),) = await stage.rows("select count(distinct xmin::text) from greetings", *people)
    return int(number)


async def test_events_of_many_tenants_share_a_transaction(stage: Stage) -> None:
    people = [stage.user() for _ in range(40)]
    await reacted(stage, stage.club.greet, people)
    assert await stage.greeted(*people) == [[1]] * 40
    assert await transactions(stage, *people) < 10


async def test_each_handler_is_bound_to_the_tenant_of_its_event_alone(stage: Stage) -> None:
    people, seen = [stage.user() for _ in range(20)], []

    async def look(told: Envelope[Any], uow: UnitOfWork) -> None:
        await stage.club.greet(told, uow)
        rows = await uow.rows.execute(text("select tenant_id from greetings"))
        seen.append((told.tenant_id, rows.scalars().all(), uow.tenants, current_tenants()))

    await reacted(stage, look, people)
    assert sorted(tenant for tenant, *_ in seen) == sorted(person.tenant_id for person in people)
    for tenant, rows, of_the_unit, bound in seen:
        assert (rows, of_the_unit, bound) == ([tenant], frozenset((tenant,)), frozenset((tenant,)))


async def test_failed_event_leaves_one_effect_of_each_other_event(stage: Stage) -> None:
    people = [stage.user() for _ in range(40)]

    def refuse_some(told: Envelope[Any]) -> None:
        if told.aggregate_id in (people[20].id, people[33].id):
            raise Permanent("not this one")

    stage.club.trouble = refuse_some
    await reacted(stage, stage.club.greet, people)
    assert await stage.greeted(*people) == [[] if number in (20, 33) else [1] for number in range(40)]
    assert [dead_letter[0] for dead_letter in await stage.dead_letters()] == ["dead", "dead"]
    assert await stage.parked() == [str(people[20].id), str(people[33].id)]
    assert await transactions(stage, *people) < 20


async def test_event_after_a_swallowed_error_is_not_at_fault(stage: Stage) -> None:
    """The swallowed error aborts the transaction, so that the next event's first statement
    fails.
    """
    people = [stage.user() for _ in range(20)]

    async def careless(told: Envelope[Any], uow: UnitOfWork) -> None:
        await stage.club.greet(told, uow)
        if told.aggregate_id == people[10].id:
            with contextlib.suppress(DBAPIError):
                await uow.rows.execute(text("select 1 / 0"))

    await reacted(stage, careless, people)
    assert await stage.greeted(*people) == [[] if number == 10 else [1] for number in range(20)]
    assert await stage.parked() == [str(people[10].id)]


async def test_later_events_of_a_failed_key_wait_in_the_same_batch(stage: Stage) -> None:
    others, ann = [stage.user() for _ in range(20)], stage.user()

    def refuse_ann(told: Envelope[Any]) -> None:
        if told.aggregate_id == ann.id:
            raise Permanent("not today")

    stage.club.trouble = refuse_ann
    filling = [event for person in others for event in person.tells("name")]
    await stage.topic.publish(*filling[:10], *ann.tells("Ann"), *filling[10:], *ann.tells("Anna", "Annie"))
    async with stage.consuming(stage.club.greetings, GENEROUS):
        await eventually(lambda: stage.reached(23, consumers=1))
    assert await stage.greeted(ann, *others) == [[], *[[1]] * 20]
    letters = await stage.dead_letters()
    assert [(status, sequence) for status, sequence, *_ in letters] == [("dead", 1), ("waiting", 2), ("waiting", 3)]
