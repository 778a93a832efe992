"""A fetch is small enough that other answers of the broker do not wait long behind it."""

from typing import Any

import pytest

from tests.unit.waypost.test_waiting_polls import NothingRuns
from waypost.kafka import consumer
from waypost.kafka.consumer import KafkaSubscription
from waypost.kernel.errors import Transient

CHECKED_SECONDS, SLOWEST_BYTES_PER_SECOND = 5.0, 900_000


async def test_a_consumer_limits_its_fetches_and_names_its_group_where_it_cannot_join(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments: dict[str, Any] = {}

    class NoBroker:
        def __init__(self, **given: Any) -> None:
            arguments.update(given)

        def subscribe(self, **_: Any) -> None: ...

        async def start(self) -> None:
            raise OSError("refused")

        async def stop(self) -> None:
            arguments["stopped"] = True

    monkeypatch.setattr(consumer, "_Client", NoBroker)
    with pytest.raises(Transient, match=r"club.members cannot be joined at unused:9092: OSError"):
        await KafkaSubscription("unused:9092", "club.members").join(["club.member"], NothingRuns())
    assert arguments["fetch_max_bytes"] <= CHECKED_SECONDS * SLOWEST_BYTES_PER_SECOND
    assert arguments["stopped"]
