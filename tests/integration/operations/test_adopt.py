"""The event of a version conflict replaces the one that was handled under its version."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.fixtures.club import Stage, User
from tests.fixtures.club.operator import WHY as AS_OPERATOR
from tests.fixtures.club.operator import Operator
from tests.fixtures.operators import AUDIT
from tests.integration.consumer.rebuilds import rebuilt
from tests.integration.operations.test_dead_letter_routes import http
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, NotFound
from waypost.kernel.ids import EventId, new_id
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters import adopt, discard
from waypost.ports.consumers import Consumer
from waypost.postgres.audit import operator_actions
from waypost.testing.eventually import eventually

__all__ = ["http"]


def another(event: Envelope[Any], name: str) -> Envelope[Any]:
    """Another event under the same version."""
    return event._replace(event_id=EventId(new_id()), event=replace(event.event, display_name=name))


async def conflicts(stage: Stage, consumer: Consumer, user: User) -> list[UUID]:
    """Two events were lost after they were published; the producer stored others, and a third."""
    lost = user.tells("lost Ann", "lost Anna")
    stored = [another(lost[0], "Ann"), another(lost[1], "Anna"), *user.tells("Annie")]
    await stage.topic.publish(*lost, *stored)
    async with stage.consuming(consumer):
        await eventually(lambda: stage.reached(5, consumers=1))
    assert [each[0] for each in await stage.dead_letters()] == ["dead", "dead"]
    return [
        dead_letter_id for (dead_letter_id,) in await stage.rows("select id from dead_letters order by kafka_offset")
    ]


async def test_reactor_handles_the_adopted_event_once(stage: Stage, admin_service: AdminService) -> None:
    ann = stage.user()
    first, second = await conflicts(stage, stage.club.greetings, ann)
    assert await stage.greeted(ann) == [[1, 2, 3]]
    assert not (await adopt(admin_service, first, AUDIT)).needs_rebuild
    assert await stage.greeted(ann) == [[1, 2, 3, 1]]
    with pytest.raises(Conflict, match="is adopted already"):
        await adopt(admin_service, first, AUDIT)
    assert [action.verb for action in await operator_actions(admin_service.ops)] == ["dead_letters.adopt"]
    assert [each[0] for each in await stage.dead_letters()] == ["adopted", "dead"]
    await discard(admin_service, second, AUDIT)
    assert await stage.greeted(ann) == [[1, 2, 3, 1]]


async def test_handler_that_fails_changes_nothing(stage: Stage, admin_service: AdminService) -> None:
    (first, _) = await conflicts(stage, stage.club.greetings, ann := stage.user())

    def fails(envelope: Envelope[Any]) -> None:
        raise RuntimeError("the club is closed")

    stage.club.trouble = fails
    with pytest.raises(Conflict, match=r"nothing was changed.*the club is closed"):
        await adopt(admin_service, first, AUDIT)
    assert await stage.greeted(ann) == [[1, 2, 3]]
    assert [each[0] for each in await stage.dead_letters()] == ["dead", "dead"]


@pytest.mark.parametrize("by_aggregate", [False, True])
async def test_rebuild_reads_the_adopted_events_instead_of_the_replaced_ones(
    stage: Stage, admin_service: AdminService, by_aggregate: bool
) -> None:
    stage.club.by_aggregate = by_aggregate
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*bob.tells("Bob"))
    for dead_letter_id in await conflicts_of_projection(stage, ann):
        assert (await adopt(admin_service, dead_letter_id, AUDIT)).needs_rebuild
    assert await stage.names(ann, bob) == [["lost Ann", "lost Anna", "Annie"], ["Bob"]]
    assert (await rebuilt(stage)).swapped
    assert await stage.names(ann, bob) == [["Ann", "Anna", "Annie"], ["Bob"]]
    async with stage.consuming(stage.club.members):
        await stage.topic.publish(*ann.tells("Anya"))
        await eventually(lambda: stage.reached(7, consumers=1))
    assert await stage.names(ann) == [["Ann", "Anna", "Annie", "Anya"]]
    assert (await rebuilt(stage)).comparison.comparisons[0].equal


async def conflicts_of_projection(stage: Stage, ann: User) -> list[UUID]:
    lost = ann.tells("lost Ann", "lost Anna")
    await stage.topic.publish(*lost, another(lost[0], "Ann"), another(lost[1], "Anna"), *ann.tells("Annie"))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(6, consumers=1))
    return [
        dead_letter_id for (dead_letter_id,) in await stage.rows("select id from dead_letters order by kafka_offset")
    ]


async def test_only_a_version_conflict_is_adopted(stage: Stage, admin_service: AdminService, bob: User) -> None:
    ((dead,),) = await stage.rows("select id from dead_letters where status = 'dead'")
    with pytest.raises(Conflict, match="redrive or discard it"):
        await adopt(admin_service, dead, AUDIT)
    with pytest.raises(NotFound):
        await adopt(admin_service, new_id(), AUDIT)


async def test_command_names_the_rebuild(stage: Stage, admin_service: AdminService, operator: Operator) -> None:
    await stage.topic.publish(*stage.user().tells("Bob"))
    first, _ = await conflicts_of_projection(stage, stage.user())
    adopted = await operator.runs("dead-letters", "adopt", str(first), *AS_OPERATOR)
    assert (adopted.code, "waypost projections rebuild club.members" in adopted.output) == (0, True)


async def test_route_adopts(stage: Stage, http: httpx.AsyncClient) -> None:
    first, _ = await conflicts(stage, stage.club.greetings, stage.user())
    adopted = await http.post(f"/ops/dead-letters/{first}/adopt", json={"reason": "the standby lacked it"})
    assert adopted.json() == {"id": str(first), "consumer": "club.greetings", "needs_rebuild": False}
