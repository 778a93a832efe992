"""A step of the dunning schedule under a process clock behind the database's, which starts it."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.billing.commands import BeginCharge, RecordDecision
from services.billing.domain.dunning import step_key
from tests.integration.billing.decisions import decline, declined
from tests.integration.billing.service import Company
from waypost.kernel.ids import new_id

BEHIND = timedelta(seconds=2)


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
