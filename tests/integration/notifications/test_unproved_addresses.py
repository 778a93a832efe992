"""A mail to an address that is not proved contains no text of a user."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.users import TenantClosed, TenantCreated, UserPasswordResetRequested
from services.notifications.jobs.mails import DIRECTORY_LAG
from services.notifications.projections import RECIPIENT_DIRECTORY, TENANT_DIRECTORY
from tests.integration.notifications.billing_events import (
    finalized,
    line_added,
    of_a_card,
    of_a_dispute,
    of_a_subscription,
    of_an_invoice,
)
from tests.integration.notifications.service import NotificationsService, Person
from tests.integration.notifications.test_mails_of_events import make_owner, of_an_account
from tests.integration.notifications.test_proved_addresses import postpone
from waypost.kernel.ids import new_id

BAIT = "YOUR BANK ACCOUNT IS LOCKED visit http://evil.example"
WORDS = ("BANK", "LOCKED", "evil", "Mallory")


async def test_no_mail_to_an_unproved_address_contains_text_of_a_user(notifications: NotificationsService) -> None:
    victim, now = Person(display_name=f"Mallory {BAIT}"), notifications.clock.now()
    await notifications.deliver(
        victim.envelope(TenantCreated(tenant_id=victim.tenant_id, name=BAIT, created_at=now)), to=TENANT_DIRECTORY.name
    )
    created = victim.created(now)
    await notifications.deliver(created, to=RECIPIENT_DIRECTORY.name)
    await make_owner(victim, notifications)
    invoice_id = new_id()
    bill = replace(victim, user_id=invoice_id)
    final = bill.envelope(finalized(victim, invoice_id, now), 3)
    await notifications.project(bill.envelope(line_added(victim, invoice_id, BAIT, now), 2), final)
    asked = notifications.verification(victim, "token", timedelta(days=1))
    reset = UserPasswordResetRequested(**{name: getattr(asked.event, name) for name in asked.event.__slots__})
    events = [
        created,
        asked,
        victim.envelope(reset, 3),
        final,
        *(bill.envelope(event, 4) for event in of_an_invoice(victim, invoice_id, now).values()),
        *(bill.envelope(event, 4) for event in of_a_dispute(victim, invoice_id, now).values()),
        victim.envelope(of_a_subscription(victim, now)["subscription_past_due"]),
    ]
    for event in events:
        await notifications.react(event)
    await notifications.run_jobs(victim.tenant_id)

    mails = await notifications.mails(victim)
    assert len(mails) == len(events)
    for mail in mails:
        raw = (await notifications.inbox.http.get(f"/api/messages/{mail['id']}")).text
        assert not [word for word in WORDS if word in raw], mail["subject"]
        assert mail["text"].rstrip().endswith("Waypost")


async def test_what_anyone_can_repeat_is_not_mailed_to_an_unproved_address(notifications: NotificationsService) -> None:
    victim, now = Person(), notifications.clock.now()
    await notifications.know(victim, proved=False)
    await make_owner(victim, notifications)
    closed = TenantClosed(tenant_id=victim.tenant_id, reason="requested", closed_at=now)
    repeated = {
        **of_an_account(victim, now),
        **of_a_subscription(victim, now),
        **of_a_card(victim, now),
        "tenant_closed": closed,
    }
    del repeated["subscription_past_due"]
    for event in repeated.values():
        await notifications.react(victim.envelope(event)._replace(occurred_at=now))
    await notifications.pass_time(DIRECTORY_LAG)
    await notifications.run_jobs(victim.tenant_id)
    assert set(await notifications.statuses(victim)) == {(kind, "suppressed", "unverified") for kind in repeated}
    assert await notifications.mails(victim) == []


async def test_a_mail_waits_for_the_proof_that_the_directory_does_not_show_yet(
    notifications: NotificationsService,
) -> None:
    ada, now = Person(), notifications.clock.now()
    await notifications.know(ada, proved=False)
    attached = of_a_card(ada, now)["payment_method_attached"]
    await notifications.react(ada.envelope(attached)._replace(occurred_at=now))
    await postpone(notifications, ada)
    await notifications.project(ada.verified(now))
    await notifications.pass_time(DIRECTORY_LAG)
    await notifications.run_jobs(ada.tenant_id)
    assert await notifications.statuses(ada) == [("payment_method_attached", "sent", None)]


async def test_the_owner_of_a_new_tenant_is_not_welcomed(notifications: NotificationsService) -> None:
    """Anyone can open tenants with another person's address: the verification link is the only
    mail.
    """
    victim = Person()
    created = await notifications.know(victim, proved=False)
    await notifications.react(victim.envelope(replace(created.event, role="owner")))
    assert await notifications.statuses(victim) == []


@pytest.mark.parametrize("proved", [True, False])
async def test_a_verification_mail_has_no_names_even_to_a_proved_address(
    notifications: NotificationsService, proved: bool
) -> None:
    ada = Person()
    await notifications.know(ada, proved=proved)
    await notifications.react(notifications.verification(ada, "token", timedelta(days=1)))
    await notifications.run_jobs(ada.tenant_id)
    [mail] = await notifications.mails(ada)
    assert mail["text"].startswith("Hello,")
    assert "Analytical" not in mail["text"] + mail["subject"] + mail["html"]
