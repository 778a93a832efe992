"""Customers and the texts of invoice lines are encrypted with the key of the person, and an erasure
removes them from rows and events, also those from before the encryption.
"""

import base64
from collections.abc import Sequence
from uuid import UUID

import pytest

from schemas.users import PersonKeyCreated
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.personal_cipher import new_key
from waypost.testing.envelopes import envelope_of

TEXT = "Lesson for Ada"


@pytest.mark.parametrize("has_key", [True, False])
async def test_the_texts_of_lines_belong_to_the_customer(billing: BillingService, has_key: bool) -> None:
    company = (WithKeys if has_key else Company)(billing, TenantId(new_id()))
    company.customer_id = await company.join()
    draft, open_invoice = await company.draft(), await company.draft()
    for invoice_id in (draft, open_invoice):
        line = {"description": TEXT, "quantity": 1, "unit_amount_minor": 500}
        added = await company.post(f"/invoices/{invoice_id}/lines", line)
        assert added.status_code == 201, added.text
    assert (await company.post(f"/invoices/{open_invoice}/finalize")).is_success
    shown = await company.get(f"/invoices/{open_invoice}")
    assert [each["description"] for each in shown["lines"]] == [TEXT]
    assert (TEXT.encode() in b"".join(await payloads(company))) is not has_key
    assert (b"Lovelace" in b"".join(await payloads(company))) is not has_key

    await erase(company)

    assert TEXT.encode() not in b"".join(await payloads(company))
    rows = await company.rows("select description from invoice_lines")
    assert [row["description"] for row in rows] == ["", ""]
    shown = await company.get(f"/invoices/{open_invoice}")
    assert [(each["description"], each["amount_minor"]) for each in shown["lines"]] == [("", 500)]


class WithKeys(Company):
    """A tenant whose users have keys, which have arrived."""

    async def react(self, event: Event, user_id: UUID, version: int = 1) -> None:
        key = PersonKeyCreated(
            tenant_id=self.tenant_id,
            person_id=user_id,
            key=base64.b64encode(new_key()).decode(),
            created_at=self.billing.clock.now(),
        )
        await self.billing.deliver(envelope_of(key, user_id, 0), to="person_keys")
        await super().react(event, user_id, version)


async def payloads(company: Company) -> Sequence[bytes]:
    rows = await company.rows("select payload from events order by position")
    return [row["payload"] for row in rows]
