from collections.abc import AsyncIterator

import pytest

from tests.unit.waypost.engine.relay.house import House


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    for relay in house.relays:
        await relay.stop()
