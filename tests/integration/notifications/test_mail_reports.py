"""Reports of the mail provider: bounces and complaints suppress the address of their mail."""

from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from infra.stack.keys import Keys
from schemas.users import UserErased
from services.notifications.domain.bounce import OLDEST_REPORT, REPORTS_KEPT, SOFT_BOUNCES, SOFT_PAUSE
from services.notifications.domain.return_path import ReturnPaths, SentMail, return_path_key
from services.notifications.handlers.notices import NOTICES
from services.notifications.projections import RECIPIENT_DIRECTORY
from tests.integration.infra.inbox import Inbox
from tests.integration.notifications.digests import headers
from tests.integration.notifications.mail_provider import (
    DOMAIN,
    PREVIOUS,
    RETURN_PATHS,
    SECRET,
    Provider,
    clean_up,
    mailed,
    receipted,
    receive_reports,
    suppressed,
)
from tests.integration.notifications.service import NotificationsService, Person
from tests.integration.notifications.test_invitations import know_the_tenant
from tests.integration.notifications.test_invitations import sent as sent_invitation
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role


@pytest.fixture
def inbox(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    receive_reports(monkeypatch)
    return inbox


@pytest.fixture
def provider(notifications: NotificationsService) -> Provider:
    return Provider(notifications)


async def test_a_hard_bounce_blocks_every_mail_until_an_admin_lifts_it(
    notifications: NotificationsService, http: httpx.AsyncClient, provider: Provider
) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada, 2)
    first, second = await provider.paths(ada)
    assert first != second and {path.partition("@")[2] for path in (first, second)} == {DOMAIN}
    await provider.reports(ada, first.upper())
    assert await suppressed(notifications, ada) == [("mailbox_unknown", 550)]
    await mailed(notifications, ada)
    assert (await notifications.statuses(ada))[-1] == ("password_changed", "suppressed", "bounced")
    own = (await http.get("/preferences", headers=headers(ada))).json()
    assert own["suppressed"] == "mailbox_unknown"

    admin = headers(Person(tenant_id=ada.tenant_id), Role.ADMIN)
    [shown] = (await http.get("/suppressions", headers=admin)).json()["data"]
    assert (await http.delete(f"/suppressions/{shown['suppression_id']}", headers=admin)).status_code == 204
    await provider.reports(ada, first)  # the provider sends it again
    assert await suppressed(notifications, ada) == []
    assert (await http.get("/preferences", headers=headers(ada))).json()["suppressed"] is None
    await provider.reports(ada, second)
    assert await suppressed(notifications, ada) == [("mailbox_unknown", 550)]


async def test_a_complaint_blocks_all_but_mails_about_the_security_of_the_account(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada = Person()
    await notifications.know(ada)
    assert await receipted(notifications, ada) == "sent None"
    await provider.reports(ada, (await provider.paths(ada))[-1], None)
    assert await suppressed(notifications, ada) == [("complained", 0)]
    assert await receipted(notifications, ada) == "suppressed complained"
    await mailed(notifications, ada)
    assert (await notifications.statuses(ada))[-1][:2] != ("password_changed", "suppressed")
    assert "password" in (await notifications.mails(ada))[-1]["subject"].lower()
    await provider.reports(ada, (await provider.paths(ada))[-1])  # a hard bounce blocks more
    assert await suppressed(notifications, ada) == [("mailbox_unknown", 550)]
    await provider.reports(ada, (await provider.paths(ada))[0], None)
    assert await suppressed(notifications, ada) == [("mailbox_unknown", 550)]


async def test_soft_bounces_of_several_mails_block_for_a_while(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada, SOFT_BOUNCES)
    *paths, last = await provider.paths(ada)
    for path in paths:
        for _ in range(2):
            await provider.reports(ada, path, "4.2.2")
    assert await suppressed(notifications, ada) == []
    await provider.reports(ada, last, "5.2.2")
    assert await suppressed(notifications, ada) == [("soft_bounces", 550)]
    assert await receipted(notifications, ada) == "suppressed bounced"
    await notifications.pass_time(SOFT_PAUSE + timedelta(seconds=1))
    await clean_up(notifications, ada)
    assert await receipted(notifications, ada) == "sent None"


async def test_soft_bounces_outside_of_the_window_do_not_count(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada, SOFT_BOUNCES)
    *paths, last = await provider.paths(ada)
    for path in paths:
        await provider.reports(ada, path, "4.2.2")
    await notifications.pass_time(timedelta(days=7, seconds=1))
    await provider.reports(ada, last, "4.2.2")
    assert await suppressed(notifications, ada) == []


async def test_reports_about_the_sender_or_the_text_suppress_nothing(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada)
    [path] = await provider.paths(ada)
    for status in ("5.7.1", "5.1.8", "5.6.0", "5.0.0", "2.0.0", "550"):
        await provider.reports(ada, path, status)
    assert await notifications.rows(ada.tenant_id, "select 1 from bounces") == []


async def test_no_report_without_a_fresh_signature_is_accepted(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada, now = Person(), notifications.clock.now()
    await notifications.know(ada)
    await mailed(notifications, ada)
    [path] = await provider.paths(ada)
    body = provider.report(ada, path)
    forged = [
        await provider.sends(body, secret="whsec_" + "C" * 32),
        await provider.sends(body, at=now - timedelta(minutes=6)),
        await provider.sends(body, at=now + timedelta(minutes=6)),
        await notifications.http.post("/mail-reports", content=body),
    ]
    assert [answer.status_code for answer in forged] == [401] * 4
    assert await suppressed(notifications, ada) == []
    assert (await provider.sends(body, secret=PREVIOUS)).status_code == 204
    assert await suppressed(notifications, ada) == [("mailbox_unknown", 550)]


async def test_a_report_counts_for_its_mail_only(notifications: NotificationsService, provider: Provider) -> None:
    """Neither another address, nor another tenant, nor an old or a made-up mail."""
    ada, grace = Person(), Person()
    for person in (ada, grace):
        await notifications.know(person)
        await mailed(notifications, person)
    [path], [other] = await provider.paths(ada), await provider.paths(grace)
    old = (notifications.clock.now() - OLDEST_REPORT - timedelta(minutes=1)).isoformat()
    [row] = await notifications.rows(ada.tenant_id, "select notification_id from notifications")
    real = row["notification_id"]
    unknown = ReturnPaths(DOMAIN, [return_path_key(RETURN_PATHS)]).of(
        SentMail(TenantId(ada.tenant_id), uuid4()), ada.email
    )
    await provider.reports(ada, other)
    await provider.reports(grace, path)
    await provider.reports(ada, path[:20] + other[20:])
    await provider.reports(ada, path, timestamp=old)
    await provider.reports(ada, unknown)
    for key in (SECRET, PREVIOUS):  # which the provider knows
        forged = ReturnPaths(DOMAIN, [return_path_key(key)]).of(SentMail(TenantId(ada.tenant_id), real), ada.email)
        await provider.reports(ada, forged)
    await provider.reports(ada, "no-reply@waypost.example")
    for person in (ada, grace):
        assert await notifications.rows(person.tenant_id, "select 1 from bounces") == []
        assert await suppressed(notifications, person) == []


async def test_an_erasure_deletes_the_reports_and_a_later_one_stores_nothing(
    notifications: NotificationsService, provider: Provider
) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada, 2)
    first, second = await provider.paths(ada)
    await provider.reports(ada, first)
    erased = ada.envelope(
        UserErased(tenant_id=ada.tenant_id, user_id=ada.user_id, erased_at=notifications.clock.now()), 3
    )
    await notifications.deliver(erased, to=RECIPIENT_DIRECTORY.name, repeat=True)
    await notifications.deliver(erased, to=NOTICES.name)
    assert await notifications.rows(ada.tenant_id, "select 1 from bounces") == []
    await provider.reports(ada, second)
    for table in ("bounces", "suppressed_addresses"):
        assert await notifications.rows(ada.tenant_id, f"select 1 from {table}") == []


async def test_a_report_about_an_invitation_stores_no_address(
    notifications: NotificationsService, provider: Provider, keys: Keys
) -> None:
    """No event would delete it."""
    invitee = Person()
    await know_the_tenant(notifications, invitee)
    await notifications.react(sent_invitation(invitee, notifications, keys))
    await notifications.run_jobs(invitee.tenant_id)
    await provider.reports(invitee, (await provider.paths(invitee))[0])
    [row] = await notifications.rows(invitee.tenant_id, "select kind, address from bounces")
    assert (row["kind"], row["address"]) == ("hard", None)
    assert await suppressed(notifications, invitee) == []


async def test_old_reports_are_deleted(notifications: NotificationsService, provider: Provider) -> None:
    ada = Person()
    await notifications.know(ada)
    await mailed(notifications, ada)
    await provider.reports(ada, (await provider.paths(ada))[0], "4.2.2")
    await clean_up(notifications, ada)
    assert len(await notifications.rows(ada.tenant_id, "select 1 from bounces")) == 1
    await notifications.pass_time(REPORTS_KEPT + timedelta(seconds=1))
    await clean_up(notifications, ada)
    assert await notifications.rows(ada.tenant_id, "select 1 from bounces") == []
