"""Mails about a written-off invoice and a failed refund, each to the person whom it concerns."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.billing import InvoiceMarkedUncollectible, InvoiceRefundFailed
from schemas.users import UserCreated
from services.notifications.projections import PRINCIPALS, RECIPIENT_DIRECTORY
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.errors import NotYet


async def known(notifications: NotificationsService, person: Person, role: str) -> Person:
    """The person in the directories and among the principals. A member is the tenant's first."""
    if role == "member":
        await notifications.know(person)
    else:
        await notifications.deliver(person.created(notifications.clock.now()), to=RECIPIENT_DIRECTORY.name)
    joined = UserCreated(
        tenant_id=person.tenant_id,
        user_id=person.user_id,
        email=person.email,
        display_name="Ada Lovelace",
        role=role,
        locale="en",
        created_at=notifications.clock.now(),
    )
    await notifications.deliver(person.envelope(joined), to=PRINCIPALS.name)
    return person


def failed_refund(customer: Person, requested_by: UUID | None, at: Any) -> InvoiceRefundFailed:
    return InvoiceRefundFailed(
        tenant_id=customer.tenant_id,
        invoice_id=uuid4(),
        customer_id=customer.user_id,
        number=7,
        refund_id=uuid4(),
        amount_minor=4_200,
        currency="EUR",
        reason="lost_card",
        requested_by=requested_by,
        was_booked=False,
        failed_at=at,
    )


@pytest.mark.parametrize("asked", [True, False])
async def test_a_failed_refund_is_mailed_to_the_admin_who_asked_or_to_the_owner(
    notifications: NotificationsService, asked: bool
) -> None:
    customer = await known(notifications, Person(), "member")
    owner = await known(notifications, Person(tenant_id=customer.tenant_id), "owner")
    admin = await known(notifications, Person(tenant_id=customer.tenant_id), "admin")
    event = failed_refund(customer, admin.user_id if asked else None, notifications.clock.now())
    await notifications.react(customer.envelope(event))
    await notifications.run_jobs(customer.tenant_id)
    recipient, others = (admin, (owner, customer)) if asked else (owner, (admin, customer))
    [mail] = await notifications.mails(recipient)
    assert mail["subject"] == "The refund for invoice 7 failed"
    assert "The customer has not received the money" in mail["text"]
    for other in others:
        assert await notifications.mails(other) == []


async def test_a_failed_refund_waits_until_the_owner_is_known(notifications: NotificationsService) -> None:
    customer = await known(notifications, Person(), "member")
    event = failed_refund(customer, None, notifications.clock.now())
    with pytest.raises(NotYet):
        await notifications.react(customer.envelope(event))


async def test_a_write_off_is_mailed_to_the_customer(notifications: NotificationsService) -> None:
    customer = await known(notifications, Person(), "member")
    event = InvoiceMarkedUncollectible(
        tenant_id=customer.tenant_id,
        invoice_id=uuid4(),
        customer_id=customer.user_id,
        number=7,
        total_minor=4_200,
        currency="EUR",
        attempts=5,
        marked_at=notifications.clock.now(),
    )
    await notifications.react(customer.envelope(event))
    await notifications.run_jobs(customer.tenant_id)
    [mail] = await notifications.mails(customer)
    assert mail["subject"] == "Invoice 7 was not paid"
    assert "42.00 EUR" in mail["text"]
