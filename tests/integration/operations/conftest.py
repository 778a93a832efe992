from collections.abc import AsyncIterator

import pytest

from shared.cli.databases import operating
from shared.hosting.service import Service
from shared.operations.service import OperatedService


@pytest.fixture
async def operated(club_stack: Service) -> AsyncIterator[OperatedService]:
    """The club as its operators' command and routes have it."""
    async with operating(club_stack) as service:
        yield service
