from collections.abc import AsyncIterator

import pytest

from tests.unit.waypost.engine.relay.rig import RelayRig


@pytest.fixture
async def rig() -> AsyncIterator[RelayRig]:
    rig = RelayRig()
    yield rig
    for relay in rig.relays:
        await relay.stop()
