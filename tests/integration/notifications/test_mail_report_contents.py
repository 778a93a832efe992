"""The contents of a report of the mail provider."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.users import UserEmailChanged
from tests.integration.infra.inbox import Inbox
from tests.integration.notifications.mail_provider import (
    Provider,
    mailed,
    receive_reports,
    suppressed,
)
from tests.integration.notifications.service import NotificationsService, Person


@pytest.fixture
def inbox(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    receive_reports(monkeypatch)
    return inbox


@pytest.fixture
def provider(notifications: NotificationsService) -> Provider:
    return Provider(notifications)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b'{"type": "mail.bounced"}', b'{"type": "mail.delivered", "data": {}}', b"9" * 5_000],
)
async def test_an_unrelated_report_is_accepted_and_changes_nothing(provider: Provider, body: bytes) -> None:
    assert (await provider.sends(body)).status_code == 204


async def test_a_report_about_an_address_that_the_person_has_left_does_not_count(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada, now = Person(), notifications.clock.now()
    await notifications.know(ada)
    await mailed(notifications, ada)
    [path] = await provider.paths(ada)
    changed = UserEmailChanged(
        tenant_id=ada.tenant_id,
        user_id=ada.user_id,
        email="new@example.com",
        previous_email=ada.email,
        changed_at=now,
    )
    await notifications.project(ada.envelope(changed, 3))
    await provider.reports(ada, path)
    [row] = await notifications.rows(ada.tenant_id, "select address from bounces")
    assert row["address"] is None
    assert await suppressed(notifications, ada) == []


@pytest.mark.parametrize(("code", "stored"), [(None, 0), (0, 0), ("550", 550), ("", 0), (999, 0), (True, 0), ([], 0)])
async def test_a_report_with_any_reply_code_counts(
    notifications: NotificationsService, provider: Provider, code: Any, stored: int
) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada)
    await provider.sends(provider.report(ada, (await provider.paths(ada))[0], code=code))
    assert await suppressed(notifications, ada) == [("mailbox_unknown", stored)]


async def test_an_authentic_report_that_cannot_be_read_is_a_warning(provider: Provider) -> None:
    with capture_logs() as logs:
        await provider.reports(Person(), "x" * 600)
        await provider.sends(b'{"type": "mail.complained", "data": {}}')
        await provider.sends(b'{"type": "mail.delivered", "data": {}}')
    seen = [(entry["type"], entry["fields"]) for entry in logs if entry["event"] == "mail_report_invalid"]
    assert seen == [
        ("mail.bounced", ["data.return_path"]),
        ("mail.complained", ["data.recipient", "data.return_path", "timestamp"]),
    ]
    assert [entry["reason"] for entry in logs if entry["event"] == "mail_report_ignored"] == ["unknown"]
