"""Letters of a real consumer, found, tried again and given up by an operator."""

from typing import Any

import pytest

from shared.cli.databases import opened
from shared.cli.dead_letters.found import FoundLetter, look_in
from shared.cli.dead_letters.settling import discarded, redriven
from shared.engine.consumer.turns import Outcome
from shared.hosting.service import Service
from shared.kernel.envelope import Envelope
from shared.kernel.errors import Conflict, Permanent
from shared.ports.dead_letters import Status
from shared.postgres.letter_search import Search, find_letters
from tests.fixtures.club import Stage, User
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.eventually import eventually


@pytest.fixture
async def bob(stage: Stage) -> User:
    """Both his events are letters: the first failed for good, the second waits for it."""

    def refuse(envelope: Envelope[Any]) -> None:
        raise Permanent("the club is closed")

    stage.club.trouble = refuse
    bob = stage.user()
    await stage.topic.publish(*bob.tells("Bob", "Rob"))
    async with stage.consuming(stage.club.greetings):

        async def set_aside() -> bool:
            return [each[0] for each in await stage.letters()] == ["dead", "waiting"]

        await eventually(set_aside)
    return bob


async def test_a_redrive_takes_the_whole_key_in_order(stage: Stage, club_stack: Service, bob: User) -> None:
    first = await found(club_stack, Status.DEAD, bob)
    again = await redriven(first)
    assert [each.outcome for each in again.attempts] == [Outcome.FAILED]
    assert not again.flows
    assert again.failure is not None
    assert again.failure.error == "the club is closed"

    stage.club.trouble = no_trouble
    settled = await redriven(await found(club_stack, Status.DEAD, bob))
    assert settled.flows
    assert await stage.greeted(bob) == [[1, 2]]
    assert await stage.parked() == []
    with pytest.raises(Conflict, match="redriven already"):
        await redriven(await look_again(first))


async def test_a_discarded_letter_lets_the_next_one_pass(stage: Stage, club_stack: Service, bob: User) -> None:
    stage.club.trouble = no_trouble
    assert (await discarded(await found(club_stack, Status.DEAD, bob))).flows
    assert await stage.greeted(bob) == [[2]]
    assert await stage.parked() == []


async def found(service: Service, status: Status, user: User) -> FoundLetter:
    """The only one of that status, through the operator's role."""
    async with opened(service.name) as database:
        (kept,) = await find_letters(database, Search(statuses=[status], tenant_id=user.tenant_id))
    return FoundLetter(service=service, kept=kept)


async def look_again(letter: FoundLetter) -> FoundLetter:
    now = await look_in(letter.service, letter.kept.letter.id)
    assert now is not None
    return now
