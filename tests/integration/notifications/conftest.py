"""The real service on a real database, with a real mail server."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.simulators.inbox.app import create_app
from infra.simulators.inbox.settings import InboxSettings
from infra.stack.keys import Keys, load_or_make_keys
from tests.integration.infra.inbox import Inbox
from tests.integration.notifications.digests import Digests
from tests.integration.notifications.service import NotificationsService
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.database import Databases
from waypost.testing.http import caller, serving

PUBLIC_URL = "https://waypost.test"
UNSUBSCRIBE_URL = "https://mail.waypost.test/unsubscribe"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    [smtp_port] = free_ports(1)
    settings = InboxSettings(data_directory=tmp_path, smtp_port=smtp_port)
    async with serving(create_app(settings)) as url, caller(url) as http:
        yield Inbox(http=http, smtp_port=smtp_port)


@pytest.fixture
async def notifications(
    database: Databases, inbox: Inbox, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NotificationsService]:
    monkeypatch.setenv("WAYPOST_SMTP_HOST", LOOPBACK)
    monkeypatch.setenv("WAYPOST_SMTP_PORT", str(inbox.smtp_port))
    monkeypatch.setenv("WAYPOST_PUBLIC_URL", PUBLIC_URL)
    monkeypatch.setenv("WAYPOST_UNSUBSCRIBE_URL", UNSUBSCRIBE_URL)
    monkeypatch.setenv("WAYPOST_KEYS_DIRECTORY", str(keys.of("notifications")))
    monkeypatch.setenv("WAYPOST_WEBHOOKS_TO_PRIVATE_NETWORKS", "true")
    service = NotificationsService(await database("notifications"), inbox, keys)
    try:
        async with service.api() as service.http:
            yield service
    finally:
        await service.close()


@pytest.fixture
def http(notifications: NotificationsService) -> httpx.AsyncClient:
    return notifications.http


@pytest.fixture
def digests(notifications: NotificationsService, http: httpx.AsyncClient) -> Digests:
    return Digests(service=notifications, http=http)
