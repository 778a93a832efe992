"""The directory and the mails of invoices use encrypted personal data, and none of an erased
person.
"""

import base64
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import pytest

from schemas.billing import InvoiceFinalized, InvoiceLineAdded
from schemas.users import PersonKeyCreated, PersonKeyDestroyed, UserEmailChanged
from services.notifications.app import SERVICE
from services.notifications.jobs.line_texts import readable_lines
from services.notifications.queries.mail_contents import invoice_lines_of
from tests.integration.notifications.service import NOON, NotificationsService, Person
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.personal_cipher import encrypted, new_key
from waypost.testing.envelopes import envelope_of
from waypost.testing.hosted import hosted

E = TypeVar("E", bound=Event)

KEY = new_key()


async def test_a_record_waits_for_its_key_and_a_destroyed_key_stays_destroyed(
    notifications: NotificationsService,
) -> None:
    ada, now = Person(), notifications.clock.now()
    created = hidden(ada.created(now), ada)
    with pytest.raises(NotYet):
        await notifications.deliver(created, to="recipients")
    assert await emails(notifications, ada) == []

    for _ in range(2):
        await notifications.deliver(key_of(ada), to="person_keys", repeat=True)
    await notifications.deliver(created, to="recipients")
    assert await emails(notifications, ada) == [ada.email]

    await notifications.deliver(mark_of(ada), to="person_keys")
    await notifications.deliver(key_of(ada), to="person_keys", repeat=True)  # Kafka may repeat it
    changed = UserEmailChanged(
        tenant_id=ada.tenant_id, user_id=ada.user_id, email="new@x.org", previous_email=ada.email, changed_at=now
    )
    async with hosted(SERVICE, notifications.where) as restarted:  # without cached keys
        await restarted.deliver(hidden(ada.envelope(changed, 2), ada), to="recipients")
    assert await emails(notifications, ada) == [""]


async def test_lines_are_stored_encrypted_and_read_with_the_customers_key(notifications: NotificationsService) -> None:
    ada, invoice_id, now = Person(), new_id(), notifications.clock.now()
    lines = [
        InvoiceLineAdded(
            tenant_id=ada.tenant_id,
            invoice_id=invoice_id,
            line_id=new_id(),
            description=text,
            quantity=1,
            unit_amount_minor=500,
            amount_minor=500,
            currency="EUR",
            added_at=now,
        )
        for text in ("Lesson for Ada", "from before the encryption")
    ]
    first, second = (envelope_of(line, invoice_id, version) for version, line in enumerate(lines, start=1))
    finalized = InvoiceFinalized(
        tenant_id=ada.tenant_id,
        invoice_id=invoice_id,
        customer_id=ada.user_id,
        number=1,
        total_minor=1000,
        currency="EUR",
        finalized_at=now,
        due_at=now,
    )
    await notifications.deliver(
        hidden(first, ada), second, envelope_of(finalized, invoice_id, 3), to="invoice_lines", repeat=True
    )
    (row,) = await notifications.rows(ada.tenant_id, "select lines::text from invoice_lines")
    assert "Ada" not in row["lines"]

    with pytest.raises(NotYet):
        await texts(notifications, ada, invoice_id)
    await notifications.deliver(key_of(ada), to="person_keys")
    assert await texts(notifications, ada, invoice_id) == [line.description for line in lines]
    await notifications.deliver(mark_of(ada), to="person_keys")
    async with hosted(SERVICE, notifications.where) as restarted:
        assert await texts(restarted, ada, invoice_id) == ["", lines[1].description]


def hidden(envelope: Envelope[E], person: Person) -> Envelope[E]:
    return envelope._replace(event=encrypted(envelope.event, envelope.event_id, person.user_id, KEY))


def key_of(person: Person) -> Envelope[PersonKeyCreated]:
    text = base64.b64encode(KEY).decode()
    who: Any = {"tenant_id": person.tenant_id, "person_id": person.user_id}
    return envelope_of(PersonKeyCreated(**who, key=text, created_at=NOON), person.user_id, 0)


def mark_of(person: Person) -> Envelope[PersonKeyDestroyed]:
    who: Any = {"tenant_id": person.tenant_id, "person_id": person.user_id}
    return envelope_of(PersonKeyDestroyed(**who, destroyed_at=NOON), person.user_id, 0)


async def emails(notifications: NotificationsService, person: Person) -> Sequence[str]:
    rows = await notifications.rows(
        person.tenant_id, "select email from recipients where user_id = :id", id=person.user_id
    )
    return [row["email"] for row in rows]


async def texts(notifications: Any, person: Person, invoice_id: UUID) -> Sequence[str]:
    async with notifications.unit_of_work(person.tenant_id) as uow:
        lines = await invoice_lines_of(uow.rows, invoice_id)
        assert lines is not None
        return [line["description"] for line in await readable_lines(lines, TenantId(person.tenant_id), uow)]
