"""Invoices that an earlier release wrote off put their customers into arrears after the upgrade."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from schemas.billing import CustomerInvoiceWrittenOff
from services.billing.domain import Invoice
from tests.integration.billing.service import BillingService, Company
from waypost.postgres.migrate import migrate
from waypost.testing.database import connected

MARKED_AT = datetime(2026, 1, 2, tzinfo=UTC)
BEFORE_ARREARS = """
drop index customers.customers_in_arrears;
drop schema person_keys cascade;
delete from jobs;
update alembic_version set version_num = '0009'"""


async def test_the_upgrade_records_earlier_write_offs_once(billing: BillingService, company: Company) -> None:
    invoice_id, settled = await company.finalized(), await company.finalized(500)
    async with billing.unit_of_work(company.tenant_id) as uow:
        for each in (invoice_id, settled):
            (await uow.load(Invoice, UUID(each))).mark_uncollectible(5, MARKED_AT)
    async with connected(billing.where.owner) as owner:
        await owner.execute(BEFORE_ARREARS)
        await migrate("billing", billing.where.owner)
    voided = await company.post(f"/invoices/{settled}/void")
    assert voided.status_code == 200, voided.text
    new = {"customer_id": str(company.customer_id), "currency": "EUR"}
    assert (await company.post("/invoices", new)).status_code == 201

    async with billing.unit_of_work(company.tenant_id) as uow:
        await uow.jobs.enqueue("record_write_offs")
    await billing.pass_time(timedelta(hours=1))
    await billing.run_jobs(company.tenant_id)
    runs = await company.rows("select name from job_results where name = 'record_write_offs' and status = 'complete'")
    assert len(runs) == 2, "that of the migration, and a second one"
    refused = await company.post("/invoices", new)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:waypost:problem:customer-in-arrears")
    recorded = [each.event for each in await billing.published(company.tenant_id)]
    assert [
        (event.invoice_id, event.outstanding, event.written_off_at)
        for event in recorded
        if isinstance(event, CustomerInvoiceWrittenOff)
    ] == [(UUID(invoice_id), 1, MARKED_AT)]
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    assert (await company.post("/invoices", new)).status_code == 201
