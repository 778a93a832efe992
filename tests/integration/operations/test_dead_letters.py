"""Dead letters that an operator searches, redrives and discards."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.club import Stage, User
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.club.operator import closed
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, Invalid, NotFound, Transient
from waypost.kernel.ids import new_id
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters import Redrive, RedriveResult, discard, find, nothing_matches
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.audit import operator_actions
from waypost.postgres.dead_letters.search import Search, find_dead_letters
from waypost.testing.eventually import eventually
from waypost.web.operator_views.redrives import RedriveView

EVERYTHING = Search(statuses=list(DeadLetterStatus))


async def redriven(service: AdminService, search: Search) -> list[RedriveResult]:
    return [each async for each in (await Redrive.of(service, search)).process(AUDIT, OperatorRate())]


async def the_dead_one(service: AdminService) -> Search:
    (kept,) = await find_dead_letters(service.ops, Search(statuses=[DeadLetterStatus.DEAD]), limit=2)
    return Search(id=kept.dead_letter.id)


async def test_each_filter_narrows(admin_service: AdminService, bob: User) -> None:
    dead_letters = await find_dead_letters(admin_service.ops, EVERYTHING, limit=10)
    first, failure = dead_letters[0], dead_letters[0].dead_letter.failure
    assert (len(dead_letters), failure is not None) == (3, True)
    now = datetime.now(UTC)
    one: Mapping[str, Any] = {
        "id": first.dead_letter.id,
        "statuses": [DeadLetterStatus.DEAD],
        "type": "user.created",
        "fingerprint": failure.fingerprint if failure else None,
        "error_class": "Permanent",
    }
    all_three: Mapping[str, Any] = {
        "consumer": "club.greetings",
        "tenant_id": bob.tenant_id,
        "key": str(bob.id).encode(),
        "since": first.first_failed_at,
        "until": now + timedelta(minutes=1),
    }
    none: Mapping[str, Any] = {
        "consumer": "club.members",
        "tenant_id": new_id(),
        "type": "user",
        "key": b"bob",
        "since": now + timedelta(minutes=1),
        "until": first.first_failed_at,
    }
    for filters, expected in ((one, 1), (all_three, 3), (none, 0)):
        for name, value in filters.items():
            found = await find_dead_letters(admin_service.ops, replace(EVERYTHING, **{name: value}), limit=10)
            assert (name, len(found)) == (name, expected)


async def test_a_list_continues_after_a_dead_letter(admin_service: AdminService, bob: User) -> None:
    dead_letters = await find_dead_letters(admin_service.ops, EVERYTHING, limit=10)
    after = (dead_letters[0].first_failed_at, dead_letters[0].dead_letter.id)
    assert await find_dead_letters(admin_service.ops, EVERYTHING, limit=10, after=after) == dead_letters[1:]


async def test_a_filter_finds_dead_letters_and_their_keys_are_drained_from_the_lowest_version(
    stage: Stage, admin_service: AdminService, bob: User
) -> None:
    stage.club.trouble = no_trouble
    search = Search(type=stage.club.updated.type)
    (drained,) = await redriven(admin_service, search)
    assert (drained.outcome, drained.is_settled) == (ParkedKeyOutcome.UNPARKED, True)
    assert [(each.sequence, each.status, each.matches) for each in drained.dead_letters] == [
        (1, DeadLetterStatus.REDRIVEN, False),
        (2, DeadLetterStatus.REDRIVEN, True),
        (3, DeadLetterStatus.REDRIVEN, True),
    ]
    assert await stage.greeted(bob) == [[1, 2, 3]]
    told = await operator_actions(admin_service.ops)
    assert [each.subject for each in reversed(told)] == [str(each.id) for each in drained.dead_letters]
    assert {(each.verb, each.operator, each.reason, each.tenant_id) for each in told} == {
        ("dead_letters.redrive", AUDIT.operator, AUDIT.reason, bob.tenant_id)
    }


async def test_a_dead_letter_that_fails_again_is_reported_with_its_error(
    stage: Stage, admin_service: AdminService, bob: User
) -> None:
    (drained,) = await redriven(admin_service, await the_dead_one(admin_service))
    assert (drained.outcome, drained.is_settled) == (ParkedKeyOutcome.FAILED, False)
    assert [(each.status, each.error) for each in drained.dead_letters] == [
        (DeadLetterStatus.DEAD, "the club is closed"),
        (DeadLetterStatus.WAITING, None),
        (DeadLetterStatus.WAITING, None),
    ]
    assert len(await operator_actions(admin_service.ops)) == 1


async def test_an_error_before_the_attempt_is_reported_after_the_other_keys_and_uses_no_attempt(
    stage: Stage, admin_service: AdminService, bob: User
) -> None:
    def bob_alone(envelope: Envelope[Any]) -> None:
        if envelope.aggregate_id == bob.id:
            raise Transient("too slow")

    stage.club.trouble, eve = closed, stage.user()
    await stage.topic.publish(*eve.tells("Eve"))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(4, consumers=1))
    before = await counted(stage)
    stage.club.trouble = bob_alone
    redrive = await Redrive.of(admin_service, Search(consumer="club.greetings"))
    with pytest.raises(Transient, match="too slow"):
        assert [each async for each in redrive.process(AUDIT, OperatorRate())] == []
    told = {each.outcome: each.dead_letters[0] for each in redrive.results}
    assert (told[ParkedKeyOutcome.PREVENTED].status, told[ParkedKeyOutcome.PREVENTED].error) == (
        DeadLetterStatus.DEAD,
        "too slow",
    )
    assert (told[ParkedKeyOutcome.UNPARKED].status, await stage.greeted(bob, eve)) == (
        DeadLetterStatus.REDRIVEN,
        [[], [1]],
    )
    assert (await counted(stage))[:3] == before[:3]


async def counted(stage: Stage) -> list[tuple[Any, ...]]:
    return await stage.rows(
        "select status, attempts, unfinished, redrives, next_attempt_at, error_class from dead_letters order by kafka_offset"
    )


async def test_one_that_was_redriven_too_often_stays_dead(admin_service: AdminService, bob: User) -> None:
    search = await the_dead_one(admin_service)
    outcomes = [(await redriven(admin_service, search))[0].outcome for _ in range(6)]
    assert outcomes == [ParkedKeyOutcome.FAILED] * 5 + [ParkedKeyOutcome.EXHAUSTED]


async def test_one_is_redriven_beyond_the_limit_by_its_id(stage: Stage, admin_service: AdminService, bob: User) -> None:
    search = await the_dead_one(admin_service)
    for _ in range(5):
        await redriven(admin_service, search)
    stage.club.trouble = no_trouble
    redrive = await Redrive.of(admin_service, search, beyond_limit=True)
    assert [each.is_settled async for each in redrive.process(AUDIT, OperatorRate())] == [True]
    assert await stage.greeted(bob) == [[1, 2, 3]]


async def test_the_limit_holds_for_another_dead_letter_of_the_key(admin_service: AdminService, bob: User) -> None:
    search = await the_dead_one(admin_service)
    for _ in range(5):
        await redriven(admin_service, search)
    (waiting, *_) = await find_dead_letters(admin_service.ops, Search(statuses=[DeadLetterStatus.WAITING]), limit=10)
    redrive = await Redrive.of(admin_service, Search(id=waiting.dead_letter.id), beyond_limit=True)
    assert [each.outcome async for each in redrive.process(AUDIT, OperatorRate())] == [ParkedKeyOutcome.EXHAUSTED]


async def test_a_settled_dead_letter_is_refused(stage: Stage, admin_service: AdminService, bob: User) -> None:
    stage.club.trouble = no_trouble
    search = await the_dead_one(admin_service)
    assert search.id is not None
    drained = await discard(admin_service, search.id, AUDIT)
    assert (drained.is_settled, [each.status for each in drained.dead_letters]) == (
        True,
        [DeadLetterStatus.DISCARDED, DeadLetterStatus.REDRIVEN, DeadLetterStatus.REDRIVEN],
    )
    assert await stage.greeted(bob) == [[2, 3]]
    assert [each.verb for each in await operator_actions(admin_service.ops)] == ["dead_letters.discard"]
    with pytest.raises(Conflict, match="is discarded already"):
        await discard(admin_service, search.id, AUDIT)
    for settled, word in ((search.id, "discarded"), (drained.dead_letters[1].id, "redriven")):
        with pytest.raises(Conflict, match=f"is already {word}: there is nothing to redrive"):
            await Redrive.of(admin_service, Search(id=settled))


async def test_what_cannot_be_meant_is_refused(admin_service: AdminService, bob: User) -> None:
    with pytest.raises(
        Invalid, match="dead letters with status discarded are settled; a redrive accepts retrying, dead, waiting"
    ):
        await Redrive.of(admin_service, Search(statuses=[DeadLetterStatus.DISCARDED, DeadLetterStatus.DEAD]))
    with pytest.raises(NotFound, match="club has no dead letter"):
        await find(admin_service, new_id())
    nothing = await Redrive.of(admin_service, Search(type="user.gone"))
    assert not nothing.selection.has_matches
    assert "no open dead letter of club matches: nothing was changed" in str(
        nothing_matches([nothing.service], nothing.selection.settled)
    )


async def test_what_holds_no_event_can_only_be_discarded(stage: Stage, admin_service: AdminService) -> None:
    await stage.topic.publish_raw(key=b"?", value=b"garbage")
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(1, consumers=1))
    found = await Redrive.of(admin_service, Search(consumer="club.greetings"))
    (unprocessable,) = found.selection.unprocessable
    assert ([each async for each in found.process(AUDIT, OperatorRate())], found.complete) == ([], False)
    with pytest.raises(Conflict, match="discard it"):
        await Redrive.of(admin_service, Search(id=unprocessable.id))
    assert (await discard(admin_service, unprocessable.id, AUDIT)).is_settled


async def test_of_so_many_keys_those_are_selected_that_were_redriven_least_and_the_others_counted(
    stage: Stage, admin_service: AdminService, bob: User
) -> None:
    people = [bob, *(stage.user() for _ in range(2))]
    for _ in range(2):
        await stage.topic.publish_raw(key=b"?", value=b"garbage")
    await stage.topic.publish(*(event for person in people[1:] for event in person.tells("Eve", "Eva")))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(9, consumers=1))
    keys, left = set[bytes](), []
    for _ in range(3):
        redrive = await Redrive.of(admin_service, Search(consumer="club.greetings"), at_most=1)
        (drained,) = [each async for each in redrive.process(AUDIT, OperatorRate())]
        keys.add(drained.key)
        view = RedriveView.of(redrive)
        left.append((view.left, len(view.unprocessable), view.unprocessable_left))
        assert [each.sequence for each in drained.dead_letters] == list(range(1, len(drained.dead_letters) + 1))
    assert (keys, left) == ({str(each.id).encode() for each in people}, [(2, 1, 1)] * 3)


async def test_a_dead_letter_of_a_consumer_that_is_gone_is_left_alone(admin_service: AdminService, bob: User) -> None:
    with pytest.raises(NotFound, match=r"no consumer club\.greetings: use the release"):
        await redriven(replace(admin_service, consumers=()), await the_dead_one(admin_service))
    assert await operator_actions(admin_service.ops) == []
