"""The provider's decisions and notices, as the adapters read them."""

from typing import Any
from uuid import UUID

from services.billing.domain import AttemptKind
from services.billing.ports import Declined, NoticeKind, NoticeOutcome, ProviderNotice, Reported, Succeeded
from tests.integration.billing.service import Company, Row
from waypost.kernel.money import Money
from waypost.testing.tokens import operator_bearer

AMOUNT = 24_690


def succeeded(charge_id: str, amount_minor: int = AMOUNT, currency: str = "EUR") -> Succeeded:
    reported = Reported(kind=AttemptKind.CHARGE, amount=Money(amount_minor, currency))
    return Succeeded(provider_id=charge_id, reported=reported)


def declined(reason: str = "card_declined") -> Declined:
    return Declined(reason=reason)


def refunded(refund_id: str, amount_minor: int = AMOUNT) -> Succeeded:
    return Succeeded(
        provider_id=refund_id, reported=Reported(kind=AttemptKind.REFUND, amount=Money(amount_minor, "EUR"))
    )


def refund_notice(charge_id: str, refund_id: str, amount_minor: int, **changes: Any) -> ProviderNotice:
    """A refund that was made in the provider's dashboard."""
    facts: dict[str, Any] = {
        "kind": NoticeKind.REFUND,
        "outcome": NoticeOutcome.SUCCEEDED,
        "provider_id": refund_id,
        "charge_id": charge_id,
        "amount": Money(amount_minor, "EUR"),
        "reason": None,
        "tenant_id": None,
        "attempt_id": None,
    }
    return ProviderNotice(**facts | changes)


async def decline(company: Company, invoice_id: str) -> UUID:
    """A declined attempt. Returns its id."""
    attempt_id = await company.begin_charge(invoice_id)
    await company.decide(attempt_id, declined())
    return attempt_id


async def written_off(company: Company, *amounts: int, invoice_id: str = "") -> str:
    """An invoice whose charges were declined until it was written off. Moves no clock."""
    invoice_id = invoice_id or await company.finalized(*amounts)
    after = None
    for _ in range(10):
        invoice = await company.billing.rows(
            company.tenant_id, "select status, next_attempt_at from invoices where invoice_id = :id", id=invoice_id
        )
        if invoice[0]["status"] == "uncollectible":
            return invoice_id
        due = invoice[0]["next_attempt_at"]
        after = due - company.billing.clock.now() if due else None
        attempt_id = await company.begin_charge(invoice_id, *([after] if after else []))
        await company.decide(attempt_id, declined(), *([after] if after else []))
    raise AssertionError("the invoice was not written off")


async def exceptions(company: Company) -> list[Row]:
    """The open exceptions of this tenant, as an operator sees them."""
    return await _for_operators(company, "/ops/payment-exceptions")


async def stray_payments(company: Company) -> list[Row]:
    return await _for_operators(company, "/ops/stray-payments")


async def resolve(company: Company, exception: Row, **changes: Any) -> Row:
    """An operator resolves the exception. Returns the answer."""
    body = {"tenant_id": str(company.tenant_id), "reason": "compared with the dashboard"} | changes
    headers = dict(operator_bearer(at=company.billing.clock.now()))
    path = f"/ops/payment-exceptions/{exception['id']}/resolve"
    answer = await company.billing.http.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    resolved: Row = answer.json()
    return resolved


async def _for_operators(company: Company, path: str) -> list[Row]:
    headers = dict(operator_bearer(at=company.billing.clock.now()))
    answer = await company.billing.http.get(path, params={"tenant_id": str(company.tenant_id)}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()["data"]
    return found


async def balances(company: Company) -> dict[str, int]:
    """The accounts of the ledger that are not 0; together they are 0."""
    rows = await company.rows(
        "select account, sum(amount_minor)::bigint as minor from postings group by account having sum(amount_minor) <> 0"
    )
    found = {row["account"]: int(row["minor"]) for row in rows}
    assert sum(found.values()) == 0
    return found
