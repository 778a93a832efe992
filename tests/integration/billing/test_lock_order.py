"""A transaction that changes a customer's arrears locks the customer before the invoice, as the
erasure and new subscriptions do: in the other order the two would wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from services.billing.commands import AbandonAttempt
from tests.integration.billing.decisions import decline, declined, succeeded, written_off
from tests.integration.billing.service import BillingService, Company
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

UNLIMITED = "set local idle_in_transaction_session_timeout = 0; set local transaction_timeout = 0"
WAITING = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

Prepare = Callable[[Company], Awaitable[tuple[str, Callable[[], Awaitable[object]], str]]]
"""Returns an invoice, an act, and the invoice's status after it."""


async def before_the_last_step(company: Company) -> tuple[str, timedelta]:
    """An invoice whose next declined charge writes it off, and when that charge is due."""
    invoice_id = await company.finalized()
    after = timedelta()
    for _ in range(4):
        await company.decide(await company.begin_charge(invoice_id, after), declined(), after)
        [invoice] = await company.rows("select next_attempt_at from invoices where invoice_id = :id", id=invoice_id)
        after = invoice["next_attempt_at"] - company.billing.clock.now()
    return invoice_id, after


async def last_decline(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id, after = await before_the_last_step(company)
    attempt_id = await company.begin_charge(invoice_id, after)
    return invoice_id, lambda: company.decide(attempt_id, declined(), after), "uncollectible"


async def last_abandonment(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id, after = await before_the_last_step(company)
    attempt_id = await company.begin_charge(invoice_id, after)
    command = AbandonAttempt(attempt_id=attempt_id, at=company.billing.clock.now() + after)
    return invoice_id, lambda: company.handle(command), "uncollectible"


async def last_charge_without_a_card(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id, after = await before_the_last_step(company)
    [card] = await company.rows("select payment_method_id as id from payment_methods")
    assert (await company.ask("DELETE", f"{company.cards}/{card['id']}")).status_code == 200
    command = company.charge_of(invoice_id, after)
    return invoice_id, lambda: company.handle(command), "uncollectible"


async def payment_of_a_written_off_invoice(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id = await written_off(company)
    assert (await company.post(f"/invoices/{invoice_id}/pay")).status_code == 202
    [attempt] = await company.rows("select id from payment_attempts where status = 'pending'")
    return invoice_id, lambda: company.decide(attempt["id"], succeeded("ch_1")), "paid"


async def late_money_of_a_written_off_invoice(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id = await company.finalized()
    attempt_id = await decline(company, invoice_id)
    await written_off(company, invoice_id=invoice_id)
    return invoice_id, lambda: company.decide(attempt_id, succeeded("ch_late")), "paid"


async def void_of_a_written_off_invoice(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id = await written_off(company)
    return invoice_id, lambda: company.post(f"/invoices/{invoice_id}/void"), "void"


@pytest.mark.parametrize(
    "prepare",
    [
        last_decline,
        last_abandonment,
        last_charge_without_a_card,
        payment_of_a_written_off_invoice,
        late_money_of_a_written_off_invoice,
        void_of_a_written_off_invoice,
    ],
)
async def test_arrears_lock_the_customer_first(billing: BillingService, company: Company, prepare: Prepare) -> None:
    invoice_id, act, status = await prepare(company)
    async with connected(billing.database.dsn) as other, connected(billing.database.dsn) as watcher:
        async with other.transaction():
            await other.execute(UNLIMITED)
            await other.execute("select set_config('app.tenants', $1, true)", str(company.tenant_id))
            await other.execute(
                "select from customers.customers where customer_id = $1 for update", company.customer_id
            )
            acting = asyncio.ensure_future(act())
            await eventually(lambda: watcher.fetch(WAITING))
            lock = "select from invoices.invoices where invoice_id = $1 for update nowait"
            await other.execute(lock, UUID(invoice_id))  # raises LockNotAvailableError if the act holds it
        await acting
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == status
