"""Invoices of earlier days, and requests of reports about them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.billing.commands import AddLine, CreateInvoice, FinalizeInvoice
from tests.integration.billing.service import Company, Row
from waypost.kernel.ids import new_id
from waypost.testing.eventually import eventually

FIRST_QUARTER: dict[str, Any] = {"kind": "revenue", "from": "2026-01-01", "to": "2026-03-31"}


async def invoiced(
    company: Company, at: datetime, amount: int, *, currency: str = "EUR", customer_id: UUID | None = None
) -> str:
    """The id of an invoice finalized at `at`; its charge job is deleted."""
    invoice_id = new_id()
    for command in (
        CreateInvoice(invoice_id=invoice_id, customer_id=customer_id or company.customer_id, currency=currency, at=at),
        AddLine(
            invoice_id=invoice_id, line_id=new_id(), description="Loom", quantity=1, unit_amount_minor=amount, at=at
        ),
        FinalizeInvoice(invoice_id=invoice_id, at=at),
    ):
        await company.handle(command)
    await company.rows("delete from jobs where tenant_id = :tenant returning id", tenant=company.tenant_id)
    return str(invoice_id)


def line(month: str, currency: str, status: str, invoices: int, minor: int, **others: int) -> Row:
    return {
        "month": month,
        "currency": currency,
        "status": status,
        "invoices": invoices,
        "invoiced_minor": minor,
        "paid_minor": 0,
        "refunded_minor": 0,
        "tax_minor": 0,
        "refunded_tax_minor": 0,
        **others,
    }


async def requested(company: Company, body: Row = FIRST_QUARTER, **headers: str) -> str:
    """The location of the report's job."""
    answer = await company.post("/reports", body, **headers)
    assert answer.status_code == 202, answer.text
    location = answer.headers["location"]
    assert location == f"/jobs/{answer.json()['job_id']}"
    return str(location)


async def completed(company: Company, location: str, status: str = "complete") -> Any:
    async with company.billing.working():
        return await ended(company, location, status)


async def ended(company: Company, location: str, status: str = "complete") -> Any:
    """The job's view when it has this status."""

    async def view() -> Any:
        job = await company.get(location)
        assert job["status"] == status, job
        return job

    return await eventually(view, deadline_seconds=20)


async def report(company: Company, body: Row = FIRST_QUARTER) -> Any:
    return (await completed(company, await requested(company, body)))["result"]


def file_of(location: str) -> str:
    return location.replace("/jobs/", "/reports/") + ".csv"
