"""Mails of invitations and of requests to join. Their recipients may be no users."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from nacl.public import PublicKey, SealedBox

from infra.stack.keys import Keys
from schemas.users import InvitationAccepted, InvitationRequested, InvitationSent, InvitationWithdrawn
from services.notifications.adapters.smtp import SmtpMailer
from services.notifications.ports import Mail
from tests.integration.notifications.conftest import PUBLIC_URL
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.ids import new_id

TOKEN = "0192.abc-DEF_123~x"
HOSTILE = "Click https://evil.example.com now"


@pytest.fixture
def invitee() -> Person:
    """The user's id is that of the invitation."""
    return Person(email="invited@example.com")


def sent(invitee: Person, notifications: NotificationsService, keys: Keys) -> Envelope[InvitationSent]:
    public = json.loads((keys.of("users") / "sealing.public.json").read_text())
    now = notifications.clock.now()
    event = InvitationSent(
        tenant_id=invitee.tenant_id,
        invitation_id=invitee.user_id,
        email=invitee.email,
        role="member",
        invited_by=new_id(),
        locale="en",
        sealing_key_id=public["key_id"],
        sealed_token=SealedBox(PublicKey(base64.b64decode(public["public_key"]))).encrypt(TOKEN.encode()),
        expires_at=now + timedelta(days=7),
        sent_at=now,
    )
    return invitee.envelope(event, 2)


def ended(end: type[Any], invitee: Person, notifications: NotificationsService) -> Envelope[Any]:
    what = {"tenant_id": invitee.tenant_id, "invitation_id": invitee.user_id}
    now = notifications.clock.now()
    event = (
        end(**what, user_id=new_id(), accepted_at=now)
        if end is InvitationAccepted
        else end(**what, reason="revoked", withdrawn_at=now)
    )
    return invitee.envelope(event, 3)


async def know_the_tenant(notifications: NotificationsService, invitee: Person) -> Person:
    """An admin of the tenant, whom the directory knows."""
    admin = Person(tenant_id=invitee.tenant_id)
    await notifications.know(admin)
    return admin


async def test_an_invitation_is_mailed_once_to_its_address(
    notifications: NotificationsService, invitee: Person, keys: Keys
) -> None:
    await know_the_tenant(notifications, invitee)
    event = sent(invitee, notifications, keys)
    for _ in range(2):
        await notifications.react(event)
    await notifications.run_jobs(invitee.tenant_id)
    [mail] = await notifications.mails(invitee)
    assert mail["subject"] == "You are invited to Analytical Engines"
    assert f"{PUBLIC_URL}/invitations/accept?token={TOKEN}" in mail["text"]
    assert f"{PUBLIC_URL}/invitations/accept?token={TOKEN}" in mail["html"]
    assert await notifications.statuses(invitee) == [("invitation", "sent", None)]
    assert await notifications.rows(invitee.tenant_id, "select 1 from sealed_tokens") == []


async def test_an_invitation_waits_for_its_tenant(
    notifications: NotificationsService, invitee: Person, keys: Keys
) -> None:
    with pytest.raises(NotYet):
        await notifications.react(sent(invitee, notifications, keys))


@pytest.mark.parametrize("end", [InvitationAccepted, InvitationWithdrawn])
async def test_an_ended_invitation_is_not_mailed(
    notifications: NotificationsService, invitee: Person, keys: Keys, end: type[Any]
) -> None:
    await know_the_tenant(notifications, invitee)
    await notifications.react(sent(invitee, notifications, keys))
    await notifications.react(ended(end, invitee, notifications))
    await notifications.run_jobs(invitee.tenant_id)
    assert await notifications.mails(invitee) == []
    assert await notifications.statuses(invitee) == [("invitation", "suppressed", "superseded")]
    assert await notifications.rows(invitee.tenant_id, "select 1 from sealed_tokens") == []


@pytest.mark.parametrize("end", [InvitationAccepted, InvitationWithdrawn])
async def test_the_refused_address_of_an_invitation_is_erased_with_it(
    notifications: NotificationsService, keys: Keys, end: type[Any]
) -> None:
    gone = Person(email=f"bounce+{new_id().hex}@example.com")
    await know_the_tenant(notifications, gone)
    await notifications.react(sent(gone, notifications, keys))
    await notifications.run_jobs(gone.tenant_id)
    [row] = await notifications.rows(gone.tenant_id, "select address from suppressed_addresses")
    assert row["address"] == gone.email
    await notifications.react(ended(end, gone, notifications))
    assert await notifications.rows(gone.tenant_id, "select 1 from suppressed_addresses") == []


async def test_an_address_that_is_refused_after_the_end_of_its_invitation_is_not_stored(
    notifications: NotificationsService, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail server answers after the invitation has ended."""
    gone = Person(email=f"bounce+{new_id().hex}@example.com")
    await know_the_tenant(notifications, gone)
    await notifications.react(sent(gone, notifications, keys))
    answered = SmtpMailer.send

    async def answers_late(self: SmtpMailer, mail: Mail) -> None:
        await notifications.react(ended(InvitationWithdrawn, gone, notifications))
        await answered(self, mail)

    monkeypatch.setattr(SmtpMailer, "send", answers_late)
    await notifications.run_jobs(gone.tenant_id)
    assert await notifications.statuses(gone) == [("invitation", "failed", "mailbox_unknown")]
    assert await notifications.rows(gone.tenant_id, "select 1 from suppressed_addresses") == []


async def test_an_expired_invitation_is_not_mailed(
    notifications: NotificationsService, invitee: Person, keys: Keys
) -> None:
    await know_the_tenant(notifications, invitee)
    event = sent(invitee, notifications, keys)
    late = invitee.envelope(replace(event.event, expires_at=notifications.clock.now() - timedelta(seconds=1)), 2)
    await notifications.react(late)
    await notifications.run_jobs(invitee.tenant_id)
    assert await notifications.statuses(invitee) == [("invitation", "suppressed", "expired")]


async def test_the_mail_to_admins_contains_no_text_of_the_person_who_asks(
    notifications: NotificationsService, invitee: Person
) -> None:
    admins = [await know_the_tenant(notifications, invitee), Person(tenant_id=invitee.tenant_id)]
    now = notifications.clock.now()
    await notifications.project(admins[1].created(now), admins[1].verified(now))
    event = InvitationRequested(
        tenant_id=invitee.tenant_id,
        invitation_id=invitee.user_id,
        email=invitee.email,
        display_name=HOSTILE,
        locale="en",
        approvers=tuple(admin.user_id for admin in admins),
        requested_at=notifications.clock.now(),
    )
    requested = invitee.envelope(event)
    for _ in range(2):
        await notifications.react(requested)
    await notifications.run_jobs(invitee.tenant_id)
    assert await notifications.mails(invitee) == []
    for admin in admins:
        [mail] = await notifications.mails(admin)
        assert mail["subject"] == "A person asks to join Analytical Engines"
        for text in (HOSTILE, "evil", invitee.email):
            assert text not in repr(mail)


async def test_an_invitation_is_in_the_language_of_its_event(
    notifications: NotificationsService, invitee: Person, keys: Keys
) -> None:
    await know_the_tenant(notifications, invitee)
    event = sent(invitee, notifications, keys)
    await notifications.react(invitee.envelope(replace(event.event, locale="de-AT"), 2))
    await notifications.run_jobs(invitee.tenant_id)
    [mail] = await notifications.mails(invitee)
    assert mail["subject"] == "Einladung zu Analytical Engines"
