"""The status of a dead letter always agrees with its event's effects."""

import asyncio
import contextlib
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.fixtures.club import IMPATIENT, Stage
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.dead_letters.parked_key_processor import AFTER_COUNT
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.failpoints import FailpointReached
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, NotYet, Transient, Unavailable, WaypostError
from waypost.ports.consumers import Reactor
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.unit_of_work import UnitOfWork
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

WAITS_FOR_LOCK = """
select count(*) from pg_stat_activity where datname = $1 and application_name = 'club-worker' and wait_event_type = 'Lock'"""


async def test_handler_that_swallows_a_statements_error_has_failed(stage: Stage) -> None:
    """Its transaction cannot be committed any more: the consumer must not continue as if it had
    been.
    """
    ann = stage.user()

    async def careless(told: Envelope[Any], uow: UnitOfWork) -> None:
        await stage.club.greet(told, uow)
        with contextlib.suppress(DBAPIError):
            await uow.rows.execute(text("select 1 / 0"))

    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(Reactor("greetings", {stage.club.created: careless})):
        await eventually(lambda: stage.reached(1, consumers=1))
    assert [dead_letter[1] for dead_letter in await stage.dead_letters()] == [1]


async def test_short_unavailability_makes_no_dead_letter(stage: Stage) -> None:
    ann, tries = stage.user(), count(1)

    def busy_at_first(envelope: Envelope[Any]) -> None:
        if next(tries) == 1:
            raise Unavailable("the maximum is running", timedelta(seconds=1))

    stage.club.trouble = busy_at_first
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(1, consumers=1))
    assert (await stage.greeted(ann), await stage.dead_letters()) == ([[1]], [])


@pytest.mark.parametrize("error", [Transient("locked"), Unavailable("the maximum is running", timedelta(seconds=1))])
async def test_long_unavailability_leaves_no_dead_letter(stage: Stage, error: WaypostError) -> None:
    """It lasts longer than all attempts at a dead letter."""
    ann, over = stage.user(), False

    def unavailable(envelope: Envelope[Any]) -> None:
        if not over:
            raise error

    async def has_waited() -> bool:
        return any(attempts > IMPATIENT.retry.max_attempts for _, _, attempts, _ in await stage.dead_letters())

    async def flows() -> bool:
        return await stage.greeted(ann) == [[1, 2]]

    stage.club.trouble = unavailable
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.consuming(stage.club.greetings):
        await eventually(has_waited)
        over = True
        await eventually(flows)
    assert {status for status, *_ in await stage.dead_letters()} == {"redriven"}


@pytest.mark.parametrize("consumer", ["members", "greetings"])
async def test_record_of_a_newer_release_is_handled_in_order_once_that_release_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, consumer: str
) -> None:
    ann, formats = stage.user(), stage.club.codec._formats
    newer = max(formats.by_id) + 1
    created, updated = ann.tells("Ann", "Anna")
    parts = stage.topic.parts(created)
    frame = b"\x00" + newer.to_bytes(4, "big")
    await stage.topic.publish_raw(**{**parts, "value": frame + parts["value"][len(frame) :]})
    await stage.topic.publish(updated)

    async def has_waited() -> bool:
        return any(attempts > IMPATIENT.retry.max_attempts for _, _, attempts, _ in await stage.dead_letters())

    async def is_handled() -> bool:
        return (await stage.names(ann) == [["Ann", "Anna"]]) or (await stage.greeted(ann) == [[1, 2]])

    async with stage.consuming(getattr(stage.club, consumer)):
        await eventually(has_waited)
        assert [(status, error) for status, *_, error in await stage.dead_letters()] == [
            ("retrying", "NewerSchema"),
            ("waiting", None),
        ]
        monkeypatch.setitem(formats.by_id, newer, formats.by_id[int.from_bytes(parts["value"][1:5], "big")])
        await eventually(is_handled)
    assert {status for status, *_ in await stage.dead_letters()} == {"redriven"}


async def test_session_lost_after_a_long_wait_for_another_topic_is_retried(stage: Stage) -> None:
    ann = stage.user()
    tries, waits = count(1), IMPATIENT.retry.max_attempts + 2

    async def impatient(told: Envelope[Any], uow: UnitOfWork) -> None:
        nth = next(tries)
        if nth <= waits:
            raise NotYet("its customer is not here yet")
        if nth == waits + 1:
            await uow.rows.execute(text("select pg_terminate_backend(pg_backend_pid())"))
        await stage.club.greet(told, uow)

    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(Reactor("greetings", {stage.club.created: impatient})):

        async def flows() -> bool:
            return await stage.greeted(ann) == [[1]]

        await eventually(flows)


async def test_event_that_ends_the_process_after_a_long_wait_for_another_topic_dies_after_max_attempts(
    stage: Stage,
) -> None:
    """An attempt without an end, as left by a handler that ends its process."""
    ann = stage.user()

    def waits(envelope: Envelope[Any]) -> None:
        raise NotYet

    stage.club.trouble = waits
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings) as group:

        async def has_waited() -> bool:
            ((_, _, attempts, _),) = await stage.dead_letters()
            return bool(attempts > IMPATIENT.retry.max_attempts)

        await eventually(lambda: stage.reached(1, consumers=1))
        await eventually(has_waited)
    ends, key = 0, ParkedKey(stage.club.topic, str(ann.id).encode())

    async def is_dead() -> bool:
        nonlocal ends
        AFTER_COUNT.arm("raise")
        try:
            return (await group.retries.attempt(key)).outcome is ParkedKeyOutcome.DEAD
        except FailpointReached:
            ends += 1
            return False
        finally:
            AFTER_COUNT.disarm()

    await eventually(is_dead)
    assert ends == IMPATIENT.retry.max_attempts
    ((status, _, _, error_class),) = await stage.dead_letters()
    assert (status, error_class) == ("dead", "ProcessDied")


async def test_error_with_a_null_byte_is_stored_at_every_attempt(stage: Stage) -> None:
    ann = stage.user()

    def fails(envelope: Envelope[Any]) -> None:
        raise RuntimeError("no such name: 'A\0nn'")

    stage.club.trouble = fails
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings):

        async def dead() -> bool:
            return [dead_letter[0] for dead_letter in await stage.dead_letters()] == ["dead"]

        await eventually(dead)
    assert await stage.dead_letters() == [("dead", 1, IMPATIENT.retry.max_attempts, "RuntimeError")]


async def test_dead_letter_that_is_handled_during_a_discard_stays_handled(stage: Stage, postgres: str) -> None:
    """A rebuild skips discarded events: it must not skip an event that took effect."""
    ann = stage.user()

    def fails(envelope: Envelope[Any]) -> None:
        raise NotYet

    stage.club.trouble = fails
    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(stage.club.greetings) as group:
        await eventually(lambda: stage.parked())
    ((dead_letter_id,),) = await stage.rows("select id from dead_letters")
    async with connected(postgres) as admin, connected(stage.database.owner) as owner:
        async with owner.transaction():
            await owner.execute("lock table parked_keys in access exclusive mode")
            discarding = asyncio.create_task(group.retries.discard(dead_letter_id, AUDIT))
            await eventually(lambda: admin.fetchval(WAITS_FOR_LOCK, stage.database.name))
            # The statements that a retry commits.
            await owner.execute("update dead_letters set status = 'redriven'")
            await owner.execute("delete from parked_keys")
        with pytest.raises(Conflict):
            await discarding
    assert [dead_letter[0] for dead_letter in await stage.dead_letters()] == ["redriven"]
