"""Tax rates, and lines that name them, by a tenant's owner."""

from typing import Any

from tests.integration.billing.service import Company, Row


async def rate(company: Company, percentage: str = "19", *, inclusive: bool = False, name: str = "VAT") -> Row:
    body = {"name": name, "percentage": percentage, "inclusive": inclusive}
    answer = await company.post("/tax-rates", body)
    assert answer.status_code == 201, answer.text
    shown: Row = answer.json()
    return shown


async def taxed_draft(company: Company, *lines: tuple[int, Row | None]) -> str:
    """The id of a draft with a line for each amount and rate."""
    invoice_id = await company.draft()
    for amount, each in lines:
        added = await company.post(f"/invoices/{invoice_id}/lines", line(amount, each))
        assert added.status_code == 201, added.text
    return invoice_id


def line(amount: int, of: Row | None) -> dict[str, Any]:
    named = {"tax_rate_id": of["id"]} if of else {}
    return {"description": "Difference engine", "quantity": 1, "unit_amount_minor": amount, **named}
