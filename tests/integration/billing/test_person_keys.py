"""Customers and the texts of invoice lines are encrypted with the key of the person, and an erasure
removes them from rows and events, also those from before the encryption.
"""

import base64
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.users import PersonKeyCreated
from services.billing.handlers import line_texts
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres import event_store
from waypost.postgres.migrate import migrate
from waypost.postgres.personal_cipher import new_key
from waypost.testing.database import connected
from waypost.testing.envelopes import envelope_of

TEXT = "Lesson for Ada"


@pytest.mark.parametrize("has_key", [True, False])
async def test_the_texts_of_lines_belong_to_the_customer(
    billing: BillingService, has_key: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "EVENTS_AT_ONCE", 1)
    monkeypatch.setattr(line_texts, "INVOICES_AT_ONCE", 1)
    company = (WithKeys if has_key else Company)(billing, TenantId(new_id()))
    company.customer_id = await company.join()
    draft, open_invoice = await company.draft(), await company.draft()
    for invoice_id in (draft, open_invoice):
        line = {"description": TEXT, "quantity": 1, "unit_amount_minor": 500}
        for _ in range(2):
            added = await company.post(f"/invoices/{invoice_id}/lines", line)
            assert added.status_code == 201, added.text
    assert (await company.post(f"/invoices/{open_invoice}/finalize")).is_success
    shown = await company.get(f"/invoices/{open_invoice}")
    assert [each["description"] for each in shown["lines"]] == [TEXT] * 2
    assert (TEXT.encode() in b"".join(await payloads(company))) is not has_key
    assert (b"Lovelace" in b"".join(await payloads(company))) is not has_key

    encrypted = await lines_of(company)
    await erase(company)
    assert await lines_of(company) == encrypted, "one transaction could not rewrite the events of a large customer"
    await billing.run_jobs(company.tenant_id)

    assert (await lines_of(company) == encrypted) is has_key, "without its key a ciphertext need not be rewritten"
    assert TEXT.encode() not in b"".join(await payloads(company))
    rows = await company.rows("select description from invoice_lines")
    assert [row["description"] for row in rows] == [""] * 4
    shown = await company.get(f"/invoices/{open_invoice}")
    assert [(each["description"], each["amount_minor"]) for each in shown["lines"]] == [("", 500)] * 2


async def test_an_upgrade_erases_the_texts_of_customers_who_are_erased_already(
    billing: BillingService, company: Company
) -> None:
    invoice_id = await company.draft()
    line = {"description": TEXT, "quantity": 1, "unit_amount_minor": 500}
    assert (await company.post(f"/invoices/{invoice_id}/lines", line)).status_code == 201
    await erase(company)
    await company.rows("update invoice_lines set description = :text returning 1", text=TEXT)
    async with connected(billing.where.owner) as owner:
        await owner.execute("delete from jobs; update alembic_version set version_num = '0011'")
        await migrate("billing", billing.where.owner)
    assert TEXT.encode() in b"".join(await payloads(company))

    await billing.pass_time(timedelta(hours=1))
    await billing.run_jobs(company.tenant_id)
    assert TEXT.encode() not in b"".join(await payloads(company))
    assert await company.rows("select 1 from invoice_lines where description <> ''") == []


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


async def lines_of(company: Company) -> Sequence[bytes]:
    rows = await company.rows("select payload from events where type = 'invoice.line_added' order by position")
    return [row["payload"] for row in rows]


async def payloads(company: Company) -> Sequence[bytes]:
    rows = await company.rows("select payload from events order by position")
    return [row["payload"] for row in rows]
