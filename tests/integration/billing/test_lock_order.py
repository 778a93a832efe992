"""A transaction that changes a customer's arrears locks the customer before the invoice, as the
erasure and new subscriptions do: in the other order the two would wait for each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.users import UserEmailChanged, UserProfileUpdated
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


async def payment_of_an_open_invoice(company: Company) -> tuple[str, Callable[[], Awaitable[object]], str]:
    invoice_id = await company.finalized()
    return invoice_id, lambda: company.post(f"/invoices/{invoice_id}/pay"), "open"


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
        payment_of_an_open_invoice,
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


Change = Callable[[Company, str], Awaitable[object]]


async def choose_the_default(company: Company, card_id: str) -> object:
    return await company.ask("POST", f"{company.cards}/{card_id}/default")


async def detach(company: Company, card_id: str) -> object:
    return await company.ask("DELETE", f"{company.cards}/{card_id}")


async def change_the_address(company: Company, _: str) -> None:
    now = company.billing.clock.now()
    changed = UserEmailChanged(
        tenant_id=company.tenant_id,
        user_id=company.customer_id,
        email="new@example.com",
        previous_email="old@example.com",
        changed_at=now,
    )
    await company.react(changed, company.customer_id, version=2)


async def change_the_profile(company: Company, _: str) -> None:
    now = company.billing.clock.now()
    updated = UserProfileUpdated(
        tenant_id=company.tenant_id, user_id=company.customer_id, display_name="A. Byron", locale="en", updated_at=now
    )
    await company.react(updated, company.customer_id, version=3)


@pytest.mark.parametrize("change", [choose_the_default, detach, change_the_address, change_the_profile])
async def test_changes_of_a_customer_lock_it_before_they_read_it(
    billing: BillingService, company: Company, change: Change
) -> None:
    """The change sees what the transaction before it has committed."""
    [card] = await company.rows("select payment_method_id as id from payment_methods")
    await company.attach_card("pm_card_slow")
    async with connected(billing.database.dsn) as other, connected(billing.database.dsn) as watcher:
        async with other.transaction():
            await other.execute(UNLIMITED)
            await other.execute("select set_config('app.tenants', $1, true)", str(company.tenant_id))
            await other.execute(
                "select from customers.customers where customer_id = $1 for update", company.customer_id
            )
            acting = asyncio.ensure_future(change(company, str(card["id"])))
            [waiting] = await eventually(lambda: watcher.fetch(WAITING.replace("select", "select query", 1)))
            assert waiting["query"].rstrip().upper().endswith("FOR UPDATE"), waiting["query"]
        await acting


async def test_a_customer_changes_with_its_user(company: Company) -> None:
    await change_the_address(company, "")
    await change_the_profile(company, "")
    rows = await company.rows("select email, display_name from customers")
    assert [dict(row) for row in rows] == [{"email": "new@example.com", "display_name": "A. Byron"}]


@pytest.mark.parametrize("repetition", range(3))
async def test_a_card_is_detached_or_charged_but_not_both(company: Company, repetition: int) -> None:
    """A payment that chose the card keeps it until it is settled."""
    invoice_id = await company.finalized()
    [card] = await company.rows("select payment_method_id as id from payment_methods")
    paid, detached = await asyncio.gather(
        company.post(f"/invoices/{invoice_id}/pay"), company.ask("DELETE", f"{company.cards}/{card['id']}")
    )
    assert sorted([paid.status_code == 202, detached.status_code == 200]) == [False, True]
