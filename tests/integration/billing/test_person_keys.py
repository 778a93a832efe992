"""Customers and the texts of invoice lines are encrypted with the key of the person, and an erasure
removes them from rows and events, also those from before the encryption.
"""

import base64
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from schemas.users import PersonKeyCreated
from services.billing.handlers import line_texts
from services.billing.projections import PERSON_KEY_ROWS
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from waypost.engine.rebuild import RebuildReport
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres import event_store
from waypost.postgres.migrate import migrate
from waypost.postgres.personal_cipher import new_key
from waypost.postgres.rebuild import PostgresShadowFactory
from waypost.telemetry import metrics
from waypost.testing.database import connected
from waypost.testing.envelopes import envelope_of

TEXT = "Lesson for Ada"


@pytest.mark.parametrize("has_key", [True, False])
async def test_the_texts_of_lines_belong_to_the_customer(
    billing: BillingService, has_key: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "EVENTS_AT_ONCE", 1)
    monkeypatch.setattr(line_texts, "INVOICES_AT_ONCE", 1)
    readable_before = lines_without_key()
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
    assert lines_without_key() - readable_before == (0 if has_key else 4)

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


async def test_a_rebuild_without_all_keys_is_refused_and_a_repeated_record_restores_a_key(
    billing: BillingService,
) -> None:
    """The topic of keys has no versions, so that nothing else shows that it has lost records."""
    one, other = (WithKeys(billing, TenantId(new_id())) for _ in range(2))
    for company in (one, other):
        company.customer_id = await company.join()
    factory = PostgresShadowFactory(
        "billing", PERSON_KEY_ROWS, app_dsn=billing.where.app, owner_dsn=billing.where.owner
    )
    async with factory.shadow() as shadow:
        async with shadow.transactions() as transactions, transactions.begin([one.tenant_id]) as transaction:
            await transaction.rows.execute(text("insert into person_keys select * from person_keys.person_keys"))
        async with shadow.snapshot() as snapshot:
            comparison = await snapshot.compare([one.tenant_id])
        await one.rows("update person_keys set key = null returning 1")
        async with shadow.snapshot() as snapshot:
            revived = await snapshot.compare([one.tenant_id])
    report = RebuildReport.before_swap(comparison, 1, 0.0)
    assert report.refusals == [
        "the new tables lack 1 live rows, or fill a column that is empty in the live row, because the topics have lost"
        " their records; publish them again with `waypost events republish`"
    ]

    assert revived.missing_rows == 2, "a destroyed key would live again"

    lost = "delete from person_keys returning person_id"
    assert [row["person_id"] for row in await one.rows(lost)] == [one.customer_id]
    await billing.deliver(one.key_record, to="person_keys")
    assert len(await one.rows("select 1 from person_keys where key is not null")) == 1


async def test_operators_may_not_read_keys(billing: BillingService) -> None:
    async with connected(billing.where.ops) as operators:
        assert await operators.fetch("select * from person_keys.versions") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operators.fetch("select * from person_keys.person_keys")


def lines_without_key() -> float:
    return float(metrics.EVENTS_WITHOUT_KEY.labels("invoice.line_added")._value.get())


class WithKeys(Company):
    """A tenant whose users have keys, which have arrived."""

    key_record: Envelope[PersonKeyCreated]
    """The record of the last user's key."""

    async def react(self, event: Event, user_id: UUID, version: int = 1) -> None:
        key = PersonKeyCreated(
            tenant_id=self.tenant_id,
            person_id=user_id,
            key=base64.b64encode(new_key()).decode(),
            created_at=self.billing.clock.now(),
        )
        self.key_record = envelope_of(key, user_id, 0)
        await self.billing.deliver(self.key_record, to="person_keys")
        await super().react(event, user_id, version)


async def lines_of(company: Company) -> Sequence[bytes]:
    rows = await company.rows("select payload from events where type = 'invoice.line_added' order by position")
    return [row["payload"] for row in rows]


async def payloads(company: Company) -> Sequence[bytes]:
    rows = await company.rows("select payload from events order by position")
    return [row["payload"] for row in rows]
