"""A redrive that is killed, that races with the consumer, or whose handler ends its process: each
event takes effect once, in order.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fixtures.club import Stage, User
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.club.operator import WHY, Operator
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters import Redrive, RedriveResult
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.dead_letters.search import Search
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

WAITS_FOR_LOCK = "select count(*) from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'"

REDRIVE = ("dead-letters", "redrive", "--error-class", "Permanent", "--service", "club", *WHY)


@pytest.mark.parametrize(
    ("point", "effects", "redrives"), [("after_count", [], 2), ("after_effect", [], 2), ("after_commit", [1], 1)]
)
async def test_killed_redrive_is_completed_by_the_next_run(
    stage: Stage,
    operator: Operator,
    admin_service: AdminService,
    bob: User,
    point: str,
    effects: list[int],
    redrives: int,
) -> None:
    killed = await operator.runs(*REDRIVE, failpoints=f"retries.{point}=kill")
    assert (killed.code, await stage.greeted(bob)) == (-9, [effects])
    still_open = "select status from dead_letters where status not in ('redriven') order by kafka_offset"
    # A dead letter stays dead, so the same filter matches it again; if it has been handled, the
    # ones behind it are handled too.
    assert [row[0] for row in await stage.rows(still_open)] == (
        ["waiting", "waiting"] if effects else ["dead", "waiting", "waiting"]
    )
    stage.club.trouble = no_trouble
    again = await Redrive.of(admin_service, Search(error_class="Permanent"))
    assert [each.is_settled async for each in again.process(AUDIT, OperatorRate())] == [True]
    assert (await stage.greeted(bob), await stage.parked()) == ([[1, 2, 3]], [])
    assert [row[0] for row in await stage.rows("select redrives from dead_letters order by kafka_offset")] == [
        redrives,
        1,
        1,
    ]


async def test_consumer_may_process_the_key_during_a_redrive(
    stage: Stage, admin_service: AdminService, bob: User
) -> None:
    """It receives records of the key, and its timer handles waiting ones, during the redrive."""
    stage.club.trouble = no_trouble
    names = [str(number) for number in range(8)]
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(3, consumers=1))
        publishing = asyncio.create_task(stage.topic.publish(*bob.tells(*names)))
        (drained,) = [each async for each in (await Redrive.of(admin_service, Search())).process(AUDIT, OperatorRate())]
        await publishing
        await eventually(lambda: stage.reached(3 + len(names), consumers=1))

        async def flows() -> bool:
            return await stage.parked() == []

        assert drained.outcome in (ParkedKeyOutcome.UNPARKED, ParkedKeyOutcome.LOCKED), drained
        await eventually(flows, deadline_seconds=20)
    assert drained.dead_letters[0].status is DeadLetterStatus.REDRIVEN
    assert await stage.greeted(bob) == [list(range(1, 4 + len(names)))]


async def test_redrive_waits_for_a_locked_key(
    stage: Stage, admin_service: AdminService, bob: User, postgres: str
) -> None:
    stage.club.trouble = no_trouble
    async with connected(stage.database.owner) as owner, connected(postgres) as observer:
        async with owner.transaction():
            await owner.execute("select from parked_keys for update")
            redriving = asyncio.create_task(
                first_of((await Redrive.of(admin_service, Search())).process(AUDIT, OperatorRate()))
            )
            await eventually(lambda: observer.fetchval(WAITS_FOR_LOCK, stage.database.name))
        drained = await redriving
    assert drained.is_settled
    assert await stage.greeted(bob) == [[1, 2, 3]]


async def test_handler_that_ends_the_command_is_attempted_up_to_the_limit(
    stage: Stage, operator: Operator, admin_service: AdminService
) -> None:
    def refuse(envelope: Envelope[Any]) -> None:
        raise Permanent("not here")

    eve = stage.user()
    stage.club.trouble = refuse
    await stage.topic.publish(*eve.tells("process_ending", "Eva"))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2, consumers=1))
    await stage.rows("update dead_letters set redrives = 4 where sequence = 1 returning 1")
    assert (await operator.runs(*REDRIVE)).code == -9
    again = await Redrive.of(admin_service, Search(error_class="Permanent"))
    assert [each.outcome async for each in again.process(AUDIT, OperatorRate())] == [ParkedKeyOutcome.EXHAUSTED]
    assert [each[:2] for each in await stage.dead_letters()] == [("dead", 1), ("waiting", 2)]


async def first_of(drained: AsyncIterator[RedriveResult]) -> RedriveResult:
    return await anext(drained)
