"""A mail for every event that concerns a person, in the person's language."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.users import TenantClosed, UserPasswordChanged, UserReactivated, UserRoleChanged, UserSuspended
from services.notifications.handlers.notifications import OLDEST_MAILED
from services.notifications.jobs.mails import LONGEST_WAIT
from services.notifications.projections import PRINCIPALS
from tests.integration.notifications.billing_events import (
    finalized,
    line_added,
    of_a_card,
    of_a_dispute,
    of_a_subscription,
    of_an_invoice,
)
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.kernel.ids import new_id


def of_an_account(person: Person, at: Any) -> Mapping[str, Event]:
    who: Mapping[str, Any] = {"tenant_id": person.tenant_id, "user_id": person.user_id}
    return {
        "password_changed": UserPasswordChanged(**who, method="reset", changed_at=at),
        "role_changed": UserRoleChanged(**who, role="admin", previous_role="member", changed_at=at),
        "account_suspended": UserSuspended(**who, reason="nonpayment", suspended_at=at),
        "account_reactivated": UserReactivated(**who, reactivated_at=at),
    }


@pytest.mark.parametrize("locale", ["en", "de-DE"])
async def test_each_event_is_mailed_in_the_language_of_the_person(
    notifications: NotificationsService, locale: str
) -> None:
    ada, invoice_id, now = Person(locale=locale), new_id(), notifications.clock.now()
    await notifications.know(ada)
    for event in of_an_account(ada, now).values():
        await notifications.react(ada.envelope(event))
    for event in of_an_invoice(ada, invoice_id, now).values():
        await notifications.react(_of(ada, invoice_id).envelope(event))
    for event in of_a_subscription(ada, now).values():
        await notifications.react(_of(ada, new_id()).envelope(event))
    for event in of_a_card(ada, now).values():
        await notifications.react(ada.envelope(event)._replace(occurred_at=now))
    await notifications.run_jobs(ada.tenant_id)

    of_ada = (of_an_account(ada, now), of_an_invoice(ada, invoice_id, now), of_a_subscription(ada, now))
    wanted = {kind for events in (*of_ada, of_a_card(ada, now)) for kind in events}
    assert {status[:2] for status in await notifications.statuses(ada)} == {(kind, "sent") for kind in wanted}
    mails = await notifications.mails(ada)
    greeting, amount = ("Hello Ada", "1,234.50 EUR") if locale == "en" else ("Guten Tag Ada", "1.234,50 EUR")
    assert len(mails) == len(wanted)
    assert all(mail["text"].startswith(greeting) for mail in mails)
    assert sum(amount in mail["text"] for mail in mails) == 7


@pytest.mark.parametrize("locale", ["en", "de"])
async def test_the_owner_is_mailed_what_concerns_the_tenant(notifications: NotificationsService, locale: str) -> None:
    owner, now = Person(locale=locale), notifications.clock.now()
    invoice_id = new_id()
    disputes = of_a_dispute(Person(tenant_id=owner.tenant_id), invoice_id, now)
    first = _of(owner, invoice_id).envelope(disputes["invoice_disputed"])
    await notifications.know(owner)
    with pytest.raises(NotYet, match="owner"):
        await notifications.react(first)
    await make_owner(owner, notifications)
    closed = TenantClosed(tenant_id=owner.tenant_id, reason="requested", closed_at=now)
    second = _of(owner, invoice_id).envelope(disputes["invoice_dispute_closed"])
    of_tenant = _of(owner, owner.tenant_id).envelope(closed)._replace(occurred_at=now)
    for envelope in (first, second, of_tenant):
        await notifications.react(envelope)
    await notifications.run_jobs(owner.tenant_id)
    kinds = {*disputes, "tenant_closed"}
    assert {status[:2] for status in await notifications.statuses(owner)} == {(kind, "sent") for kind in kinds}
    assert len(await notifications.mails(owner)) == len(kinds)


async def make_owner(person: Person, notifications: NotificationsService) -> None:
    """Makes a person the owner of the tenant, as the service knows it."""
    now = notifications.clock.now()
    made_owner = UserRoleChanged(
        tenant_id=person.tenant_id, user_id=person.user_id, role="owner", previous_role="member", changed_at=now
    )
    for event in (person.created(now), person.envelope(made_owner, 2)):
        await notifications.deliver(event, to=PRINCIPALS.name, repeat=True)


async def test_cards_and_tenants_from_before_these_mails_existed_are_not_mailed(
    notifications: NotificationsService,
) -> None:
    """Their topics are read from the first record on."""
    ada, now = Person(), notifications.clock.now()
    await notifications.know(ada)
    closed = TenantClosed(tenant_id=ada.tenant_id, reason="requested", closed_at=now)
    events = (*of_a_card(ada, now).values(), closed)
    for event in events:
        for age in (OLDEST_MAILED + timedelta(minutes=1), timedelta(days=400)):
            await notifications.react(ada.envelope(event)._replace(occurred_at=now - age))
    assert await notifications.statuses(ada) == []
    await make_owner(ada, notifications)
    for event in events:
        await notifications.react(ada.envelope(event)._replace(occurred_at=now - OLDEST_MAILED + timedelta(hours=1)))
    assert len(await notifications.statuses(ada)) == len(events)


async def test_the_mail_of_an_invoice_has_its_lines_taxes_and_a_link(
    notifications: NotificationsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYPOST_INVOICE_URL", "https://app.waypost.test/invoices/")
    ada, invoice_id, now = Person(locale="de"), new_id(), notifications.clock.now()
    await notifications.know(ada)
    bill = _of(ada, invoice_id)
    texts = ["Difference engine", "Visit http://evil.example/now\nor pay"]
    tax: dict[str, Any] = {"tax_minor": 19_710, "tax_rate_id": new_id(), "tax_name": "USt", "tax_rate_ppm": 190_000}
    lines = [
        bill.envelope(replace(line_added(ada, invoice_id, text, now), **tax), version)
        for version, text in enumerate(texts, start=2)
    ]
    final = bill.envelope(finalized(ada, invoice_id, now), 4)
    await notifications.react(final)
    await notifications.project(*lines, final)
    await notifications.run_jobs(ada.tenant_id)
    [mail] = await notifications.mails(ada)
    assert "* 2 × Difference engine: 1.234,50 EUR\n* 2 × Visit http\u2060" in mail["text"].replace("\r\n", "\n")
    sums = "\n\nNettobetrag: 840,30 EUR\nUSt 19 %: 394,20 EUR\nGesamtbetrag: 1.234,50 EUR\n\n"
    assert sums in mail["text"].replace("\r\n", "\n")
    assert f"\nhttps://app.waypost.test/invoices/{invoice_id}\n" in mail["text"].replace("\r\n", "\n")
    assert f'<a href="https://app.waypost.test/invoices/{invoice_id}">' in mail["html"]
    assert "http://evil.example" not in mail["text"] + mail["html"]


async def test_an_invoice_is_mailed_without_lines_that_do_not_arrive(notifications: NotificationsService) -> None:
    ada, invoice_id = Person(), new_id()
    await notifications.know(ada)
    at = notifications.clock.now() - LONGEST_WAIT - timedelta(seconds=1)
    await notifications.react(_of(ada, invoice_id).envelope(finalized(ada, invoice_id, at), 2))
    await notifications.run_jobs(ada.tenant_id)
    [mail] = await notifications.mails(ada)
    assert "1,234.50 EUR" in mail["text"] and "×" not in mail["text"]


def _of(customer: Person, aggregate_id: UUID) -> Person:
    """The source of events of another aggregate of the tenant."""
    return Person(tenant_id=customer.tenant_id, user_id=aggregate_id)
