"""One partition that acknowledges nothing keeps `events republish` from no other, and what was
acknowledged is not sent again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

import pytest

from waypost.engine import republisher
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.republisher import Republished, republish
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.kernel.partitioner import shard_for
from waypost.memory.broker import MemoryBroker
from waypost.ports.broker import OutgoingRecord
from waypost.ports.stored_records import StoredRecord
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog

TOPIC = "users.user"
BAD = Partition(TOPIC, 0)
KEYS = [b"%d" % number for number in range(8)]
BAD_KEYS = [key for key in KEYS if shard_for(key) % 2 == BAD.number]
GOOD_KEYS = [key for key in KEYS if key not in BAD_KEYS]


class Store:
    """Three versions of each key."""

    async def count(self) -> int:
        return 3 * len(KEYS)

    async def all(self, size: int) -> AsyncIterator[Sequence[StoredRecord]]:
        for version in (1, 2, 3):
            yield [StoredRecord(version, record(key, version)) for key in KEYS]


class EmptyLog:
    async def end_offsets(self) -> Mapping[Partition, int]:
        return {}


def record(key: bytes, version: int) -> OutgoingRecord:
    return OutgoingRecord(TOPIC, shard_for(key), key, b"%s-%d" % (key, version), [], 0)


def versions_of(broker: MemoryBroker, key: bytes) -> list[bytes]:
    return [each.value for each in broker.logs[TOPIC] if each.key == key]


def complete(key: bytes) -> list[bytes]:
    return [record(key, version).value for version in (1, 2, 3)]


async def republished(broker: MemoryBroker) -> Republished:
    return await republish(
        TOPIC, Store(), cast(TopicLog, EmptyLog()), broker, before_first=nothing, rate=OperatorRate(None)
    )


async def nothing() -> None: ...


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republisher, "SEND_SECONDS", 0.01)
    monkeypatch.setattr(republisher, "PAUSES", Backoff(first_seconds=0.001, factor=1.0, max_seconds=0.001))


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(TOPIC, partitions=2)


async def test_every_partition_is_complete(broker: MemoryBroker) -> None:
    assert (await republished(broker)).published == 3 * len(KEYS)
    assert [versions_of(broker, key) for key in KEYS] == [complete(key) for key in KEYS]


async def test_partition_that_acknowledges_nothing_is_named_and_stops_no_other(broker: MemoryBroker) -> None:
    broker.held[BAD] = "NotEnoughReplicasError"
    with pytest.raises(Transient, match=rf"{BAD}: NotEnoughReplicasError"):
        await republished(broker)
    assert [versions_of(broker, key) for key in GOOD_KEYS] == [complete(key) for key in GOOD_KEYS]
    assert [versions_of(broker, key) for key in BAD_KEYS] == [[]] * len(BAD_KEYS)


async def test_later_versions_do_not_follow_unacknowledged_ones(broker: MemoryBroker) -> None:
    broker.unanswered.add(str(BAD))
    with pytest.raises(Transient, match=rf"{BAD}: no acknowledgement"):
        await republished(broker)
    assert {value for key in BAD_KEYS for value in versions_of(broker, key)} == {
        record(key, 1).value for key in BAD_KEYS
    }
    assert [versions_of(broker, key) for key in GOOD_KEYS] == [complete(key) for key in GOOD_KEYS]


async def test_unreachable_broker_ends_the_command(broker: MemoryBroker) -> None:
    broker.reachable = False
    with pytest.raises(Transient):
        await republished(broker)
