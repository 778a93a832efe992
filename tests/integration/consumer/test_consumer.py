"""A record becomes a row, once, in its aggregate's order and under its tenant."""

import asyncio
from typing import Any

from prometheus_client import REGISTRY

from tests.fixtures.club import Stage
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent
from waypost.ports.dead_letters import ParkedKey
from waypost.testing.eventually import eventually


async def test_async_projection_writes_its_events(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"), *bob.tells("Bob"))

    async with stage.consuming(stage.club.members):

        async def all_written() -> bool:
            return await stage.names(ann, bob) == [["Ann", "Anna"], ["Bob"]]

        await eventually(all_written)


async def test_a_reactor_answers_each_event_in_order(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"), *bob.tells("Bob"), *ann.tells("Annie"))

    async with stage.consuming(stage.club.greetings):

        async def all_answered() -> bool:
            return await stage.greeted(ann, bob) == [[1, 2, 3], [1]]

        await eventually(all_answered)


def failed_transactions() -> float:
    name, labels = "waypost_consumer_failed_transactions_total", {"consumer": "club.members", "step": "handle"}
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_batch_of_many_tenants_keeps_each_to_its_own_rows(stage: Stage) -> None:
    before = failed_transactions()
    people = [stage.user() for _ in range(50)]
    await stage.topic.publish(*(event for person in people for event in person.tells(f"name of {person.id}")))

    async with stage.consuming(stage.club.members):

        async def all_written() -> bool:
            return await stage.names(*people) == [[f"name of {person.id}"] for person in people]

        await eventually(all_written)
    assert failed_transactions() == before  # one transaction for all of them, not one each after a refusal
    assert await stage.names(people[0]) == [[f"name of {people[0].id}"]]
    assert await stage.rows("select tenant_id from members", people[0]) == [(people[0].tenant_id,)]


async def test_types_without_a_handler_only_move_the_guard(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann"), ann.verifies(), *ann.tells("Anna"))

    async with stage.consuming(stage.club.members):

        async def all_written() -> bool:
            return await stage.names(ann) == [["Ann", "Anna"]]

        await eventually(all_written)
    assert await stage.rows("select version from members.versions") == [(3,)]
    assert await stage.dead_letters() == []


async def test_handler_with_a_cancelled_task_is_retried_and_skips_nothing(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    cancelled = [asyncio.CancelledError("of a task that the handler waited for")]

    def wait_for_it(_: Envelope[Any]) -> None:
        if cancelled:
            raise cancelled.pop()

    stage.club.trouble = wait_for_it
    await stage.topic.publish(*ann.tells("Ann", "Anna"), *bob.tells("Bob"))

    async with stage.consuming(stage.club.greetings):

        async def all_answered() -> bool:
            return await stage.greeted(ann, bob) == [[1, 2], [1]]

        await eventually(all_answered)
    assert await stage.dead_letters() == []


async def test_redrive_with_a_cancelled_task_is_prevented_and_may_be_repeated(stage: Stage) -> None:
    ann = stage.user()
    key = ParkedKey(stage.club.topic, str(ann.id).encode())

    def refuse(_: Envelope[Any]) -> None:
        raise Permanent("not today")

    def wait_for_it(_: Envelope[Any]) -> None:
        raise asyncio.CancelledError("of a task that the handler waited for")

    stage.club.trouble = refuse
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings) as group:
        await eventually(lambda: stage.reached(1, consumers=1))
        before = await stage.dead_letters()
        stage.club.trouble = wait_for_it
        assert (await group.retries.attempt(key, AUDIT)).outcome is ParkedKeyOutcome.PREVENTED
        assert await stage.dead_letters() == before
        stage.club.trouble = no_trouble
        assert (await group.retries.attempt(key, AUDIT)).outcome is ParkedKeyOutcome.UNPARKED
