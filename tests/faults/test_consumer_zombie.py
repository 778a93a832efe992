"""Two processes that both think a partition is theirs: one effect, and the position only moves on
(rows 27 and 28 of the fault matrix).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from tests.fixtures.club import Stage, transactions
from tests.fixtures.processes import is_stopped
from waypost.engine.consumer.resume_position import resume_position
from waypost.kafka.consumer import KafkaSubscription
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually


async def test_a_frozen_consumer_that_wakes_up_cannot_move_the_position_back(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    # It freezes with two records in its hands. In a group of its own it is never told that another
    # has the partition too.
    async with stage.worker(stage.club.greetings, failpoints="consumer.after_poll=stop", group="zombie") as zombie:
        await eventually(lambda: is_stopped(zombie), deadline_seconds=20)

        async with stage.worker(stage.club.greetings):
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=20)
            await stage.topic.publish(*ann.tells("Annie", "Anne"))
            await eventually(lambda: stage.reached(4, consumers=1))

            zombie.resume()
            await eventually(lambda: "fenced" in zombie.log.read_text(), deadline_seconds=15)
            assert await stage.consumer_position() == [4]
            await stage.topic.publish(*ann.tells("Anya"))
            await eventually(lambda: stage.reached(5, consumers=1), deadline_seconds=15)
    assert await stage.greeted(ann) == [[1, 2, 3, 4, 5]]
    assert await stage.dead_letters() == []


async def test_a_consumer_frozen_inside_its_transaction_frees_the_partition(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.worker(stage.club.members, failpoints="consumer.after_effect=stop") as zombie:
        await eventually(lambda: is_stopped(zombie), deadline_seconds=20)
        async with stage.worker(stage.club.members):
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=40)
            zombie.resume()
            await stage.topic.publish(*ann.tells("Annie"))
            await eventually(lambda: stage.reached(3, consumers=1), deadline_seconds=25)
    assert await stage.names(ann) == [["Ann", "Anna", "Annie"]]


async def test_records_of_the_old_topic_do_not_move_the_position_in_the_new_one(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna", "Annie"))
    async with stage.worker(stage.club.greetings, failpoints="consumer.after_poll=stop", group="zombie") as zombie:
        await eventually(lambda: is_stopped(zombie), deadline_seconds=20)
        ((old,),) = await stage.rows("select topic_id from consumer_offsets")
        await stage.make_topic_anew()

        async with stage.consuming(stage.club.greetings):

            async def stands_in_the_new_one() -> bool:
                return await stage.rows("select topic_id from consumer_offsets") != [(old,)]

            await eventually(stands_in_the_new_one)
            zombie.resume()

            async def has_tried() -> bool:
                return "fenced" in zombie.log.read_text() or await stage.reached(3, consumers=1)

            await eventually(has_tried, deadline_seconds=15)
            await zombie.kill()
            await stage.topic.publish(*bob.tells("Bob", "Bobby", "Rob"))

            async def answered() -> bool:
                return await stage.greeted(bob) == [[1, 2, 3]]

            await eventually(answered, deadline_seconds=20)


class Slow(KafkaSubscription):
    """Its broker's answer is old by the time it comes."""

    meanwhile: Callable[[], Awaitable[object]]

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        ends = await super().end_offsets(partitions)
        await self.meanwhile()
        return ends


class Nobody:
    async def revoked(self) -> None:
        """Holds nothing."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Takes up nothing."""


async def test_another_that_moves_on_meanwhile_is_not_taken_for_a_topic_made_anew(stage: Stage) -> None:
    """Its position is beyond the end that was told: reading everything again would double what no
    guard and no inbox remembers.
    """
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann"))

    async def another_moves_on() -> None:
        async with stage.consuming(stage.club.greetings):
            await stage.topic.publish(*ann.tells("Anna"))
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=20)

    subscription = Slow(stage.bootstrap, f"{stage.club.topic}-slow")
    subscription.meanwhile = another_moves_on
    await subscription.join([stage.club.topic], Nobody())
    try:
        resumption = await resume_position(
            Partition(stage.club.topic, 0),
            "club.greetings",
            subscription,
            transactions(stage.pool, stage.club, stage.club.greetings),
        )
    finally:
        await subscription.leave()
    assert resumption.offset == 2
    assert await stage.consumer_position() == [2]
