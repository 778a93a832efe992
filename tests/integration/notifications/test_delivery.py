"""From an event of another service to one mail in the inbox."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from schemas.billing import InvoiceFinalized, InvoicePaid, InvoicePaymentFailed
from schemas.users import UserEmailVerified, UserErased
from tests.integration.notifications.conftest import PUBLIC_URL
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.kernel.ids import new_id

DAY = timedelta(days=1)
TOKEN = "0192.abc-DEF_123~x"


async def test_a_repeated_event_is_one_mail(notifications: NotificationsService) -> None:
    ada = Person()
    created = await notifications.know(ada)
    await notifications.react(created)
    await notifications.react(created)
    await notifications.run_jobs(ada.tenant_id)

    [mail] = await notifications.mails(ada)
    [row] = await notifications.rows(ada.tenant_id, "select notification_id, version from notifications")
    assert mail["subject"] == "Welcome to Analytical Engines"
    assert mail["message_id"] == f"<{row['notification_id']}@waypost>"
    assert "Hello Ada Lovelace," in mail["text"]
    assert "<p>Hello Ada Lovelace,</p>" in mail["html"]
    assert await notifications.statuses(ada) == [("welcome", "sent", None)]
    assert await _event_types(notifications, ada) == ["notification.queued", "notification.sent"]


async def test_an_unknown_recipient_is_retried(notifications: NotificationsService) -> None:
    ada = Person()
    with pytest.raises(NotYet):
        await notifications.react(ada.created(notifications.clock.now()))
    assert await notifications.statuses(ada) == []


async def test_a_token_is_mailed_and_not_stored(notifications: NotificationsService) -> None:
    ada = Person()
    await notifications.know(ada)
    await notifications.react(notifications.verification(ada, TOKEN, DAY))
    [job] = await notifications.rows(ada.tenant_id, "select arguments::text as arguments from jobs")
    assert set(job["arguments"]).isdisjoint("~") and "sealed" not in job["arguments"]
    await notifications.run_jobs(ada.tenant_id)

    [mail] = await notifications.mails(ada)
    assert "Confirm your e-mail" in mail["subject"]
    assert f"{PUBLIC_URL}/verify?token={TOKEN}" in mail["text"]
    assert f"{PUBLIC_URL}/verify?token={TOKEN}" in mail["html"]
    assert await _kept(notifications, ada) == 0


async def test_an_expired_token_is_not_mailed(notifications: NotificationsService) -> None:
    ada = Person()
    await notifications.know(ada)
    await notifications.react(notifications.verification(ada, TOKEN, DAY))
    notifications.clock.move(DAY)
    await notifications.run_jobs(ada.tenant_id)
    assert await notifications.mails(ada) == []
    assert await notifications.statuses(ada) == [("verification", "suppressed", "expired")]
    assert await _kept(notifications, ada) == 0


async def test_a_newer_link_replaces_a_queued_one(notifications: NotificationsService) -> None:
    ada = Person()
    await notifications.know(ada)
    for token in ("first", "second"):
        await notifications.react(notifications.verification(ada, token, DAY))
    await notifications.run_jobs(ada.tenant_id)
    [mail] = await notifications.mails(ada)
    assert "token=second" in mail["text"]
    statuses = await notifications.statuses(ada)
    assert statuses == [("verification", "suppressed", "superseded"), ("verification", "sent", None)]


async def test_each_event_has_its_mail(notifications: NotificationsService) -> None:
    ada, now, invoice = Person(), notifications.clock.now(), new_id()
    await notifications.know(ada)
    paying: Mapping[str, Any] = {"amount_minor": 24_690, "currency": "EUR", "attempt_id": new_id()}
    invoicing: Mapping[str, Any] = {
        "tenant_id": ada.tenant_id,
        "invoice_id": invoice,
        "customer_id": ada.user_id,
        "number": 7,
    }
    facts: list[Event] = [
        UserEmailVerified(tenant_id=ada.tenant_id, user_id=ada.user_id, email=ada.email, verified_at=now),
        InvoiceFinalized(**invoicing, total_minor=24_690, currency="EUR", due_at=now, finalized_at=now),
        InvoicePaymentFailed(**invoicing, **paying, attempt=1, reason="card_declined", failed_at=now),
        InvoicePaid(**invoicing, **paying, attempt=2, provider_charge_id="ch_1", paid_at=now),
    ]
    bill = Person(tenant_id=ada.tenant_id, user_id=invoice)
    await notifications.project(bill.envelope(facts[1], 2))
    for fact in facts:
        await notifications.react((bill if isinstance(fact, InvoiceFinalized) else ada).envelope(fact))
    await notifications.run_jobs(ada.tenant_id)
    mails = await notifications.mails(ada)
    assert {mail["subject"] for mail in mails} == {
        "Your e-mail is confirmed",
        "Invoice 7 from Analytical Engines",
        "Payment failed for invoice 7",
        "Receipt for invoice 7",
    }
    assert sum("246.90 EUR" in mail["text"] for mail in mails) == 3


async def test_an_unknown_mailbox_fails_the_notification(notifications: NotificationsService) -> None:
    gone = Person(email=f"bounce+{new_id().hex}@example.com")
    await notifications.react(await notifications.know(gone))
    await notifications.run_jobs(gone.tenant_id)
    assert await notifications.statuses(gone) == [("welcome", "failed", "mailbox_unknown")]


async def test_an_erased_recipient_is_not_mailed(notifications: NotificationsService) -> None:
    ada = Person()
    created = await notifications.know(ada)
    await notifications.react(created)
    await notifications.react(notifications.verification(ada, TOKEN, DAY))
    erased = ada.envelope(
        UserErased(tenant_id=ada.tenant_id, user_id=ada.user_id, erased_at=notifications.clock.now()), 3
    )
    await notifications.project(erased)
    await notifications.react(erased)
    assert await _kept(notifications, ada, "sealed_tokens") == 0
    await notifications.run_jobs(ada.tenant_id)
    assert await notifications.mails(ada) == []
    assert [status[1:] for status in await notifications.statuses(ada)] == [("suppressed", "erased")] * 2


async def _kept(notifications: NotificationsService, person: Person, *tables: str) -> int:
    counts = [
        (await notifications.rows(person.tenant_id, f"select count(*) as n from {table}"))[0]["n"]
        for table in tables or ("sealed_tokens", "pending_notifications")
    ]
    return sum(counts)


async def _event_types(notifications: NotificationsService, person: Person) -> list[str]:
    return [
        row["type"] for row in await notifications.rows(person.tenant_id, "select type from events order by version")
    ]
