"""Invoices that an earlier release wrote off put their customers into arrears after the upgrade."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from schemas.billing import CustomerInvoiceWrittenOff
from services.billing.domain import Invoice
from services.billing.handlers.earlier_write_offs import CUSTOMERS_BEHIND, tenants_with_unrecorded
from services.billing.jobs import earlier_write_offs
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.ids import TenantId
from waypost.postgres.tenancy import bind_statement
from waypost.testing.database import connected

MARKED_AT = datetime(2026, 1, 2, tzinfo=UTC)
BROKEN = UUID(int=1)
"""Before the other invoices in the order of ids."""
ADD_BROKEN = """
insert into invoices.invoices (tenant_id, invoice_id, customer_id, status, currency, total_minor, amount_paid_minor,
                               amount_refunded_minor, created_at, version)
values ($1, $2, $3, 'uncollectible', 'EUR', 1, 0, 0, now(), 1)"""
RUNS = "select 1 from job_results where name = 'record_write_offs' and status = 'complete'"


async def test_the_job_records_earlier_write_offs_once(
    billing: BillingService, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts of two invoices, of which the first one has no events: it fails, and is skipped."""
    monkeypatch.setattr(earlier_write_offs, "PART_SIZE", 2)
    first, second, settled = [await company.finalized(amount) for amount in (300, 400, 500)]
    async with billing.unit_of_work(company.tenant_id) as uow:
        for each in (first, second, settled):
            (await uow.load(Invoice, UUID(each))).mark_uncollectible(5, MARKED_AT)
    await execute(billing, company, "delete from jobs")
    await execute(billing, company, ADD_BROKEN, company.tenant_id, BROKEN, company.customer_id)
    voided = await company.post(f"/invoices/{settled}/void")
    assert voided.status_code == 200, voided.text
    new = {"customer_id": str(company.customer_id), "currency": "EUR"}
    assert (await company.post("/invoices", new)).status_code == 201

    assert await unrecorded(billing, company) == [company.tenant_id]
    await run(billing, company)
    assert len(await company.rows(RUNS)) == 2, "three invoices are two parts"
    await run(billing, company)
    refused = await company.post("/invoices", new)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:waypost:problem:customer-in-arrears")
    recorded = [each.event for each in await billing.published(company.tenant_id)]
    assert [
        (event.invoice_id, event.outstanding, event.written_off_at)
        for event in recorded
        if isinstance(event, CustomerInvoiceWrittenOff)
    ] == [(invoice_id, number, MARKED_AT) for number, invoice_id in enumerate(sorted([UUID(first), UUID(second)]), 1)]

    assert await unrecorded(billing, company) == [company.tenant_id], "the broken one is tried again"
    await execute(billing, company, "delete from invoices.invoices where invoice_id = $1", BROKEN)
    assert await unrecorded(billing, company) == []
    for invoice_id in (first, second):
        assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    assert (await company.post("/invoices", new)).status_code == 201
    assert await unrecorded(billing, company) == []
    plan = await plan_of_the_schedule(billing, company)
    assert "invoices_written_off" in plan, plan


async def run(billing: BillingService, company: Company) -> None:
    async with billing.unit_of_work(company.tenant_id) as uow:
        await uow.jobs.enqueue("record_write_offs")
    await billing.run_jobs(company.tenant_id)


async def unrecorded(billing: BillingService, company: Company) -> list[TenantId]:
    """The tenants that the schedule selects."""
    async with billing.unit_of_work(company.tenant_id) as uow:
        return list(await tenants_with_unrecorded(uow.rows))


async def execute(billing: BillingService, company: Company, statement: str, *values: object) -> None:
    async with connected(billing.where.owner) as owner, owner.transaction():
        await owner.execute(bind_statement([company.tenant_id]))
        await owner.execute(statement, *values)


async def plan_of_the_schedule(billing: BillingService, company: Company) -> str:
    """As for many invoices, of which few are written off, and for any number of executions."""
    async with billing.unit_of_work(company.tenant_id) as uow:
        await uow.rows.exec_driver_sql("set local enable_seqscan = off")
        lines = (await uow.rows.exec_driver_sql(f"explain {CUSTOMERS_BEHIND}")).scalars().all()
    return "\n".join(lines)
