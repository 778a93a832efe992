"""Joining a group whose previous member did not leave."""

import asyncio

from aiokafka import AIOKafkaConsumer

from waypost.kafka.consumer import KafkaSubscription
from waypost.ports.subscription import Partition
from waypost.testing.topics import create_topic, unique

SESSION_SECONDS = 10


class Assigned:
    """`waypost.ports.subscription.Assignments`."""

    def __init__(self) -> None:
        self.partitions: frozenset[Partition] = frozenset()

    async def revoked(self) -> None:
        self.partitions = frozenset()

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        self.partitions = partitions


async def test_a_member_that_died_is_waited_for_at_the_first_try(kafka: str) -> None:
    topic, group = await create_topic(kafka, unique("club.members")), unique("club")
    await die_in(group, topic, kafka)
    subscription, assigned = KafkaSubscription(kafka, group, session_seconds=SESSION_SECONDS), Assigned()
    try:
        await subscription.join([topic], assigned)
        assert len(assigned.partitions) == 8
    finally:
        await subscription.leave()


async def die_in(group: str, topic: str, bootstrap: str) -> None:
    """Ends like a killed process: it does not leave the group, and its heartbeats stop."""
    member = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, session_timeout_ms=SESSION_SECONDS * 1000
    )
    await member.start()
    coordinator = member._coordinator
    coordinator.generation = -1  # a member without a generation does not leave
    coordinator._heartbeat_task.cancel()
    await asyncio.gather(coordinator._heartbeat_task, return_exceptions=True)
    await member.stop()
