"""A consumer that is partitioned from Kafka, while another member of its group is not (row 27 of
the fault matrix).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.club import Stage, User
from tests.fixtures.club.stage import staged
from tests.fixtures.proxied_kafka import ProxiedKafka
from tests.fixtures.proxy import Proxy
from waypost.engine.consumer import ConsumerGroup
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

PARTITIONS = 4
Cut = Callable[[Proxy], None]
Heal = Callable[[Proxy], Awaitable[None]]


CUTS = [
    pytest.param(Proxy.become_silent, Proxy.heal, id="silent, then late"),
    pytest.param(Proxy.become_silent, Proxy.heal_for_new_ones, id="silent for good"),
    pytest.param(Proxy.refuse, Proxy.heal, id="refused"),
]


@pytest.mark.parametrize(("cut", "heal"), CUTS)
async def test_partitioned_member_is_replaced_and_rejoins_by_itself(
    proxied_kafka: ProxiedKafka, database: Databases, tmp_path: Path, cut: Cut, heal: Heal
) -> None:
    proxy = proxied_kafka.proxy
    async with staged(proxied_kafka.bootstrap, database, tmp_path, partitions=PARTITIONS) as stage:
        people = [stage.user() for _ in range(24)]  # some in each half of the partitions
        cut_off = replace(stage, bootstrap=proxy.address)
        async with (
            cut_off.worker(stage.club.members, stalled_seconds=2.0),
            stage.consuming(stage.club.members) as other,
        ):
            await eventually(lambda: holds(other, PARTITIONS // 2), deadline_seconds=20)
            await renamed(stage, people, "before")

            cut(proxy)
            await renamed(stage, people, "meanwhile")
            assert holds(other, PARTITIONS)

            await heal(proxy)
            await eventually(lambda: holds(other, PARTITIONS // 2), deadline_seconds=20)
            await renamed(stage, people, "after")
        assert await stage.names(*people) == [["before", "meanwhile", "after"]] * len(people)
        assert await stage.dead_letters() == []


async def test_records_that_reach_the_partitioned_member_late_take_effect_once(
    proxied_kafka: ProxiedKafka, database: Databases, tmp_path: Path
) -> None:
    proxy = proxied_kafka.proxy
    async with staged(proxied_kafka.bootstrap, database, tmp_path) as stage:
        ann = stage.user()
        await stage.topic.publish(*ann.tells("Ann"))
        async with replace(stage, bootstrap=proxy.address).worker(stage.club.greetings):
            await eventually(lambda: stage.reached(1, consumers=1), deadline_seconds=20)
            # The partition begins while records are on their way: no member has them until it
            # heals.
            proxy.become_silent_at(b"Anna")
            await stage.topic.publish(*ann.tells("Anna", "Annie"))
            await eventually(lambda: proxy.has_caught)
            async with stage.consuming(stage.club.greetings):
                await eventually(lambda: stage.reached(3, consumers=1), deadline_seconds=20)
                proxy.let_through_what_was_caught()
                # The client has closed its connection by now, and drops them. If it had not, they
                # would be fenced, as in test_consumer_stale_owner.py.
                await proxy.heal()
                await stage.topic.publish(*ann.tells("Anne"))
                await eventually(lambda: stage.reached(4, consumers=1), deadline_seconds=20)
        assert await stage.greeted(ann) == [[1, 2, 3, 4]]
        assert await stage.dead_letters() == []


async def renamed(stage: Stage, people: Sequence[User], name: str) -> None:
    """Returns when every user has the name."""
    await stage.topic.publish(*(event for person in people for event in person.tells(name)))

    async def all_have_it() -> bool:
        return all(names[-1:] == [name] for names in await stage.names(*people))

    await eventually(all_have_it, deadline_seconds=25)


def holds(group: ConsumerGroup, partitions: int) -> bool:
    return len(group._assigned) == partitions
