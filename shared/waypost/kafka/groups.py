"""The members and committed offsets of a consumer group, for callers that do not belong to it."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.refusals import reaching
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition
from waypost.project import from_cluster, on_cluster

REQUEST_SECONDS = 10.0
CLOSE_SECONDS = 2.0
_MOVING = (GroupLoadInProgressError, GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)
"""In a new cluster the first request creates the topic of the offsets; a coordinator may move."""
_MEMBERS = 5  # position in a group of DescribeGroupsResponse, in each version


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    members: int
    committed: Mapping[Partition, int]
    """The next offset by partition, with the application's names of topics. A partition without a
    commit is absent.
    """


async def group_state(brokers: Brokers, group: str) -> GroupState:
    """The state of the group with the application's name `group`; no members and no offsets for a
    group that does not exist. Raises Transient.
    """
    client, name = AIOKafkaAdminClient(**client_arguments(brokers)), on_cluster(group)
    try:
        async with reaching(brokers, message=f"the state of the group {name} is unknown"):
            async with asyncio.timeout(REQUEST_SECONDS):
                await client.start()
                described, offsets = await _asked(client, name)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.close()
    return GroupState(
        members=sum(len(each[_MEMBERS]) for each in described.groups),
        committed={
            Partition(from_cluster(place.topic), place.partition): stored.offset
            for place, stored in offsets.items()
            if stored.offset >= 0
        },
    )


async def _asked(client: AIOKafkaAdminClient, name: str) -> tuple[Any, Mapping[Any, Any]]:
    """The answers about the members and the offsets."""
    while True:
        try:
            (described,) = await client.describe_consumer_groups([name])
            return described, await client.list_consumer_group_offsets(name)
        except _MOVING:
            await asyncio.sleep(0.1)
