"""The simulators, one of each per session."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.simulators.inbox.app import create_app
from infra.simulators.inbox.settings import InboxSettings
from tests.integration.infra.inbox import Inbox
from tests.integration.infra.payments import provider
from waypost.native.ports import free_ports
from waypost.testing.http import caller, serving


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    [smtp_port] = free_ports(1)
    settings = InboxSettings(data_directory=tmp_path, smtp_port=smtp_port, smtp_largest_mail_bytes=100_000)
    async with serving(create_app(settings)) as url, caller(url) as http:
        yield Inbox(http=http, smtp_port=smtp_port)


@pytest.fixture
async def payments(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with provider(tmp_path, payments_slow_card_seconds=1) as client:
        yield client
