"""Customers and the texts of invoice lines are encrypted with the key of the person, and an erasure
removes them from rows and events, also those from before the encryption.
"""

import base64
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from schemas.users import PersonKeyCreated
from services.billing.handlers import earlier_texts, line_texts
from services.billing.projections import PERSON_KEY_ROWS
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from waypost.engine.rebuild import RebuildReport
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres import event_store
from waypost.postgres.personal_cipher import new_key
from waypost.postgres.rebuild import PostgresShadowFactory
from waypost.postgres.tenancy import bind_statement
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


async def test_texts_that_an_earlier_release_left_are_erased_every_day(
    billing: BillingService, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It erased customers before the upgrade, and in processes that still ran during it."""
    monkeypatch.setattr(earlier_texts, "CUSTOMERS_AT_ONCE", 1)
    assert await tenants_to_check(billing, company) == []
    customers = []
    for is_erased in (True, True, True, False):
        company.customer_id = await company.join()
        customers.append(company.customer_id)
        await company.draft(500)
        if is_erased:
            await erase(company)
    await billing.run_jobs(company.tenant_id)
    complete = customers.pop(1)
    left = """
        update invoice_lines set description = :text from invoices
        where invoices.invoice_id = invoice_lines.invoice_id and customer_id <> :complete returning 1"""
    assert len(await company.rows(left, text=TEXT, complete=complete)) == 3

    async def enqueue() -> list[UUID]:
        after: UUID | None = UUID(int=0)
        async with billing.unit_of_work(company.tenant_id) as uow:
            while after is not None:
                after = await earlier_texts.enqueue_erasures(company.tenant_id, after, uow)
        found = await company.rows("select arguments->>'customer_id' as id from jobs where name = 'erase_line_texts'")
        return sorted(UUID(row["id"]) for row in found)

    assert await tenants_to_check(billing, company) == [company.tenant_id]
    assert await enqueue() == sorted(customers[:2]), "neither of a complete erasure nor of a living customer"
    await billing.run_jobs(company.tenant_id)
    assert await enqueue() == []

    assert len(await company.rows(left, text=TEXT, complete=complete)) == 3
    async with billing.unit_of_work(company.tenant_id) as uow:
        await uow.jobs.enqueue("erase_earlier_texts")
    await billing.run_jobs(company.tenant_id)
    texts = "select customer_id from invoice_lines join invoices using (tenant_id, invoice_id) where description <> ''"
    assert [row["customer_id"] for row in await company.rows(texts)] == customers[2:]
    assert "customers_erased" in await plan_of_the_schedule(billing, company)


async def plan_of_the_schedule(billing: BillingService, company: Company) -> str:
    """As for many customers, of whom few are erased: without the other index, whose cost is the
    same for a few rows.
    """
    statement = earlier_texts.TENANTS_WITH_ERASED.compile(dialect=billing.database.engine.dialect)
    async with connected(billing.where.owner) as owner:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(bind_statement([company.tenant_id]))
        await owner.execute("set local search_path = customers; set local enable_seqscan = off")
        await owner.execute("alter table customers drop constraint customers_pkey")
        lines = [row[0] for row in await owner.fetch(f"explain {statement}")]
        await transaction.rollback()
    return "\n".join(lines)


async def tenants_to_check(billing: BillingService, company: Company) -> list[TenantId]:
    """The tenants that the schedule selects."""
    async with billing.unit_of_work(company.tenant_id) as uow:
        return list(await earlier_texts.tenants_with_erased(uow.rows))


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
