"""How far a consumer is behind, by what it has left on a real topic."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.fixtures.club import Stage
from waypost.cli.databases import open_admin_service
from waypost.hosting.service import Service
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent
from waypost.operations.consumers import ConsumerLag, consumer_lag
from waypost.ports.consumers import declaration_of
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.testing.eventually import eventually


async def test_the_lag_is_what_was_left(stage: Stage, club_stack: Service) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(2, consumers=1))
    await stage.topic.publish(*ann.tells("Anne", "Annie", "Anja"))
    members, greetings = await consumer_positions(club_stack)
    assert (members.group, members.kind) == ("club.members", "async-projection")
    assert placed(members) == (2, 5, 3)
    assert placed(greetings) == (0, 5, 5)
    behind = members.partitions[0].behind
    assert behind is not None
    assert timedelta() < behind < timedelta(minutes=1)


async def test_parked_keys_and_dead_letters_are_counted(stage: Stage, club_stack: Service) -> None:
    def refuse(envelope: Envelope[Any]) -> None:
        raise Permanent("the club is closed")

    stage.club.trouble = refuse
    bob = stage.user()
    await stage.topic.publish(*bob.tells("Bob", "Rob"))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2, consumers=1))
    greetings = (await consumer_positions(club_stack))[1]
    assert (greetings.lag, greetings.partitions[0].behind, greetings.parked_keys) == (0, None, 1)
    assert greetings.dead_letters[DeadLetterStatus.WAITING] == 1


async def consumer_positions(service: Service) -> Sequence[ConsumerLag]:
    async with open_admin_service(service) as club:
        declared = [declaration_of(club.name, consumer) for consumer in club.consumers]
        return await consumer_lag(declared, club.ops, club.kafka_bootstrap)


def placed(consumer_position: ConsumerLag) -> tuple[int, int, int]:
    (only,) = consumer_position.partitions
    return only.committed, only.end, only.lag
