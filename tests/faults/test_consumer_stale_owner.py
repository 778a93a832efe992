"""Two processes that both assume that they own a partition: one effect, and the position never
moves back (rows 27 and 28 of the fault matrix).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from tests.fixtures.club import Stage, transactions
from tests.fixtures.processes import is_stopped
from waypost.engine.consumer.resume_position import resume_position
from waypost.kafka.consumer import KafkaSubscription
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually


async def test_resumed_consumer_cannot_move_the_position_back(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    # It freezes while it processes two records. In a separate group it is never notified that
    # another process has the partition too.
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
        await stage.recreate_topic()

        async with stage.consuming(stage.club.greetings):

            async def is_in_the_new_topic() -> bool:
                return await stage.rows("select topic_id from consumer_offsets") != [(old,)]

            await eventually(is_in_the_new_topic)
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
    """The broker's response is outdated when it arrives."""

    meanwhile: Callable[[], Awaitable[object]]

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        ends = await super().end_offsets(partitions)
        await self.meanwhile()
        return ends


class IgnoredAssignment:
    async def revoked(self) -> None:
        """Does nothing."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Does nothing."""


async def test_progress_of_another_consumer_is_not_mistaken_for_a_recreated_topic(stage: Stage) -> None:
    """Its position is beyond the reported end: reading everything again would duplicate effects
    that neither the guard nor the inbox remembers.
    """
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann"))

    async def another_moves_on() -> None:
        async with stage.consuming(stage.club.greetings):
            await stage.topic.publish(*ann.tells("Anna"))
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=20)

    subscription = Slow(stage.bootstrap, f"{stage.club.topic}-slow")
    subscription.meanwhile = another_moves_on
    await subscription.join([stage.club.topic], IgnoredAssignment())
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
