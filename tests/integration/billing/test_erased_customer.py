"""Each write route of the service, on the things of an erased customer."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from schemas.users import UserErased
from services.billing.app import SERVICE
from services.billing.handlers.customers import erase_customer
from services.billing.ports import Declined, Succeeded
from tests.fixtures.revoked_access import privileged_writes
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import subscribed
from waypost.kernel.role import Role
from waypost.testing.database import connected
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually

LINE = {"description": "Loom", "quantity": 1, "unit_amount_minor": 1}
PLAN = {"plan": "team"}
OF_DRAFT = "/invoices/{draft}"
OF_PAID = "/invoices/{paid}"
OF_PENDING = "/invoices/{pending}"


@dataclass(frozen=True)
class Case:
    """A request and its answer after the erasure: a status, and the type of the problem."""

    verb: str
    path: str
    body: Any
    answer: tuple[int, str]


CASES = [
    Case("POST", "/customers/{customer}/payment-methods", {"token": "pm_card_visa"}, (409, "customer-is-erased")),
    Case("POST", "/customers/{customer}/payment-methods/{card}/default", None, (409, "customer-is-erased")),
    Case("DELETE", "/customers/{customer}/payment-methods/{card}", None, (409, "customer-is-erased")),
    Case("POST", "/invoices", {"customer_id": "{customer}", "currency": "EUR"}, (409, "customer-is-erased")),
    *(Case("POST", f"{OF_DRAFT}/{act}", None, (409, "invoice-not-draft")) for act in ("finalize",)),
    Case("POST", f"{OF_DRAFT}/lines", LINE, (409, "invoice-not-draft")),
    *(Case("POST", f"{OF_DRAFT}/{act}", None, (409, "invoice-not-open")) for act in ("pay", "void")),
    Case("POST", f"{OF_DRAFT}/refund", {}, (409, "invoice-not-paid")),
    # A refund gives the money back: an erasure does not take it.
    Case("POST", f"{OF_PAID}/refund", {}, (202, "")),
    *(Case("POST", f"{OF_PENDING}/{act}", None, (409, "payment-pending")) for act in ("pay", "void")),
    Case("POST", "/subscriptions", {"customer_id": "{customer}", "plan": "team"}, (409, "customer-is-erased")),
    Case("POST", "/subscriptions/{subscription}/change", PLAN, (409, "already-canceled")),
    Case("POST", "/subscriptions/{subscription}/cancel", {}, (409, "already-canceled")),
    Case("POST", "/subscriptions/{subscription}/uncancel", None, (409, "already-canceled")),
]
WAITING = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
NOT_OF_A_CUSTOMER = {
    ("POST", "/reports"),
    ("POST", "/tax-rates"),
    ("POST", "/tax-rates/{tax_rate_id}/archive"),
    ("POST", "/tax-rates/{tax_rate_id}/default"),
    ("DELETE", "/tax-rates/{tax_rate_id}/default"),
}


async def things_of(company: Company) -> dict[str, str]:
    """A thing of each kind of the customer, by the names in the paths."""
    [card] = await company.rows("select payment_method_id from payment_methods")
    things = {
        "customer": str(company.customer_id),
        "card": str(card["payment_method_id"]),
        "draft": await company.draft(100),
        "paid": await company.paid(200),
        "pending": await company.finalized(300),
        "subscription": (await subscribed(company))["id"],
    }
    await company.begin_charge(things["pending"])
    return things


def filled(value: Any, things: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, things) for name, item in value.items()}
    return value.format(**things) if isinstance(value, str) else value


async def test_no_request_bills_an_erased_customer(company: Company) -> None:
    things = await things_of(company)
    await erase(company)
    for case in CASES:
        role, user_id = (Role.OWNER, company.owner_id)
        if case.path.endswith(("payment-methods", "default")):
            role, user_id = Role.MEMBER, company.customer_id
        answer = await company.ask(
            case.verb, case.path.format(**things), filled(case.body, things), role=role, user_id=user_id
        )
        kind = answer.json()["type"].rpartition(":")[2] if answer.is_error else ""
        assert (answer.status_code, kind) == case.answer, (case, answer.text)
    rows = await company.rows("select kind, status from payment_attempts where status = 'pending' order by kind")
    assert [row["kind"] for row in rows] == ["charge", "refund"], "only what began before, and the refund"


def test_each_write_route_is_in_the_table() -> None:
    names = {"customer": "customer_id", "card": "payment_method_id", "subscription": "subscription_id"}
    names |= dict.fromkeys(("draft", "paid", "pending"), "invoice_id")
    tested = {
        (case.verb, case.path.format(**{thing: f"{{{name}}}" for thing, name in names.items()})) for case in CASES
    }
    assert tested == set(privileged_writes(SERVICE)) - NOT_OF_A_CUSTOMER


@pytest.mark.parametrize("lines", [(), (5, 7)], ids=["empty", "with lines"])
async def test_the_erasure_discards_drafts(company: Company, lines: tuple[int, ...]) -> None:
    draft = await company.draft(*lines)
    await erase(company)
    shown = await company.get(f"/invoices/{draft}")
    assert (shown["status"], shown["number"], shown["finalized_at"]) == ("void", None, None)
    assert (await company.event_types(draft))[-1] == "invoice.discarded"
    assert await company.rows("select 1 from postings") == [], "nothing was owed, so nothing is reversed"
    assert await company.rows("select 1 from invoice_numbers") == []


async def test_a_draft_that_the_erasure_did_not_see_stays_empty(billing: BillingService, company: Company) -> None:
    """It is created in a transaction that commits after the erasure."""
    draft = await company.draft(100)
    at = {"customer": company.customer_id}
    await company.rows("update invoices set customer_id = gen_random_uuid() returning 1")
    await erase(company)
    await company.rows("update invoices set customer_id = :customer returning 1", **at)
    for act, body in (("lines", LINE), ("finalize", None)):
        answer = await company.post(f"/invoices/{draft}/{act}", body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:waypost:problem:customer-is-erased"), act


async def test_a_line_waits_for_an_erasure_that_runs(billing: BillingService, company: Company) -> None:
    """Its text would stay: the erasure has seen the customer's lines already."""
    at = billing.clock.now()
    event = UserErased(tenant_id=company.tenant_id, user_id=company.customer_id, erased_at=at)
    async with connected(billing.database.dsn) as watcher, billing.unit_of_work(company.tenant_id) as uow:
        await erase_customer(envelope_of(event, company.customer_id, 2, at=at), uow)
        await uow.flush()
        draft = await company.draft()
        adding = asyncio.ensure_future(company.post(f"/invoices/{draft}/lines", LINE))

        async def waits_or_is_done() -> bool:
            return adding.done() or bool(await watcher.fetch(WAITING))

        await eventually(waits_or_is_done)
    answer = await adding
    assert (answer.status_code, answer.json().get("type")) == (409, "urn:waypost:problem:customer-is-erased")
    assert await company.rows("select 1 from invoice_lines") == []


async def test_a_refund_that_is_repeated_after_the_erasure_pays_once(company: Company) -> None:
    """The stored response outlasts the erasure: without it the repetition would be a new refund."""
    invoice_id = await company.paid(24_690)
    path, body = f"/invoices/{invoice_id}/refund", {"amount_minor": 690}
    assert (await company.post(path, body, idempotency_key="refund-0001")).status_code == 202
    [refund] = await company.rows("select id from payment_attempts where kind = 'refund'")
    await company.decide(refund["id"], Succeeded(provider_id="re_1"))
    await company.becomes(invoice_id, amount_refunded_minor=690)
    await erase(company)
    again = await company.post(path, body, idempotency_key="refund-0001")
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (202, "true"), again.text
    assert len(await company.rows("select id from payment_attempts where kind = 'refund'")) == 1


async def test_a_charge_that_fails_after_the_erasure_ends_the_invoice(company: Company) -> None:
    invoice_id = await company.finalized(100)
    attempt = await company.begin_charge(invoice_id)
    await erase(company)
    await company.decide(attempt, Declined(reason="card_declined"))
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "void"


async def test_the_provider_attaches_no_card_to_an_erased_customer(company: Company) -> None:
    await erase(company)
    payments = company.billing.payments
    token = (await payments.post("/v1/payment_methods", json={"card": "pm_card_visa"})).json()["id"]
    assert (await company.ask("POST", company.cards, {"token": token})).status_code == 409
    assert (await payments.get(f"/v1/payment_methods/{token}")).json()["customer"] is None
