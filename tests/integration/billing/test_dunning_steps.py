"""A step of the dunning schedule under a process clock behind the database's, which starts it."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.billing.commands import BeginCharge, RecordDecision
from services.billing.domain.dunning import step_key
from services.billing.jobs import retry_payment
from tests.integration.billing.decisions import decline, declined
from tests.integration.billing.jobs import job_of
from tests.integration.billing.service import BillingService, Company
from tests.integration.infra.payments import charges
from waypost.kernel.errors import Transient
from waypost.kernel.ids import new_id

NO_TIME, BEHIND, HOUR = timedelta(), timedelta(seconds=2), timedelta(hours=1)


async def due_of(company: Company, invoice_id: str) -> datetime:
    [row] = await company.rows("select next_attempt_at from invoices where invoice_id = :id", id=invoice_id)
    due: datetime = row["next_attempt_at"]
    return due


@pytest.mark.parametrize("has_card", [True, False])
async def test_a_step_that_is_declined_before_its_time_is_followed_by_the_next(
    company: Company, has_card: bool
) -> None:
    invoice_id = await company.finalized()
    await decline(company, invoice_id)
    due = await due_of(company, invoice_id)
    if not has_card:
        [card] = await company.rows("select payment_method_id as id from payment_methods")
        assert (await company.ask("DELETE", f"{company.cards}/{card['id']}")).status_code == 200
    step = BeginCharge(
        invoice_id=UUID(invoice_id), attempt_id=new_id(), requested_by=step_key(UUID(invoice_id), due), at=due - BEHIND
    )
    attempt = await company.handle(step)
    assert (attempt is not None) == has_card
    if attempt is not None:
        await company.handle(RecordDecision(attempt_id=attempt.id, decision=declined(), at=due - BEHIND / 2))
    later = await due_of(company, invoice_id)
    assert later > due
    keys = await company.rows("select idempotency_key from jobs where name = 'retry_payment' order by run_at")
    assert [row["idempotency_key"] for row in keys] == [step_key(UUID(invoice_id), at) for at in (due, later)]


async def test_a_payment_by_hand_just_before_a_step_uses_no_step(company: Company) -> None:
    invoice_id = await company.finalized()
    await decline(company, invoice_id)
    due = await due_of(company, invoice_id)
    after = due - BEHIND - company.billing.clock.now()
    await company.decide(await company.begin_charge(invoice_id, after), declined(), after)
    assert await due_of(company, invoice_id) == due


async def test_a_step_that_a_payment_by_hand_used_charges_nothing(company: Company) -> None:
    invoice_id = await company.finalized()
    await decline(company, invoice_id)
    due = await due_of(company, invoice_id)
    after = due + BEHIND - company.billing.clock.now()
    await company.decide(await company.begin_charge(invoice_id, after), declined(), after)
    assert await due_of(company, invoice_id) > due
    key = step_key(UUID(invoice_id), due)
    step = BeginCharge(invoice_id=UUID(invoice_id), attempt_id=new_id(), requested_by=key, at=due + 2 * BEHIND)
    assert await company.handle(step) is None


async def run_retry(company: Company, invoice_id: str, key: str) -> str | None:
    """The job `retry_payment` with this key, executed again after each outage, as a worker does."""
    while True:
        try:
            async with job_of(company, "retry_payment", key) as job:
                return await retry_payment(job, UUID(invoice_id))
        except Transient:
            continue


@pytest.mark.parametrize(
    ("before", "charged"),
    [pytest.param(NO_TIME, 1, id="the payment uses the step"), pytest.param(HOUR, 2, id="the step is still due")],
)
async def test_a_step_and_a_payment_by_hand_at_the_same_moment_use_the_step_once(
    billing: BillingService, before: timedelta, charged: int
) -> None:
    """Both jobs run at once, in two processes; the database starts the step on time, by whichever
    clock the processes have.
    """
    company = await billing.company()
    await company.attach_card("pm_card_declined")
    invoice_id = await company.finalized()
    await decline(company, invoice_id)
    due = await due_of(company, invoice_id)
    billing.clock.move_to(due - before)
    assert (await company.post(f"/invoices/{invoice_id}/pay")).status_code == 202
    step = step_key(UUID(invoice_id), due)
    [by_hand] = await company.rows("select requested_by from payment_attempts where status = 'pending'")
    await asyncio.gather(*(run_retry(company, invoice_id, key) for key in (step, by_hand["requested_by"], step)))
    later = await due_of(company, invoice_id)
    assert later > due
    keys = await company.rows("select idempotency_key from jobs where name = 'retry_payment' order by run_at")
    steps = [row["idempotency_key"] for row in keys if row["idempotency_key"] != by_hand["requested_by"]]
    assert steps == [step, step_key(UUID(invoice_id), later)]
    made = await charges(billing.payments)
    assert [each["idempotency_key"] for each in made] == [f"inv-{invoice_id}-{n}" for n in range(2, 2 + charged)]
