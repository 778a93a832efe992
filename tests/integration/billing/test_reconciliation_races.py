"""A change around the daily comparison makes no difference, nor does a resolved difference."""

import pytest

from services.billing.commands import BookNotice
from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.jobs.reconciliation import CONFIRMED_AFTER
from tests.integration.billing.decisions import AMOUNT, exceptions, refund_notice, resolve, succeeded
from tests.integration.billing.reconciliation import compared, confirmed, pay_at_the_provider, reconciled
from tests.integration.billing.service import BillingService, Company
from tests.integration.infra.payments import charge, refund
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

PART = 690


async def test_the_job_enqueues_its_confirmation(billing: BillingService, company: Company) -> None:
    """Through the worker, with the arguments as they are stored."""
    charge_id = await pay_at_the_provider(billing, company)
    await refund(billing.payments, charge=charge_id, amount_minor=PART)
    async with connected(billing.where.owner) as owner:
        await owner.execute("delete from jobs")
    async with billing.unit_of_work(company.tenant_id) as uow:
        await uow.jobs.enqueue("reconcile_payments")

    async def is_to_confirm() -> bool:
        queued = await company.rows("select name, status from jobs where delayed")
        # A process of an earlier release does not claim a job of a name that it does not know.
        return [(row["name"], row["status"]) for row in queued] == [("confirm_differences", "queued")]

    async with billing.working():
        await eventually(is_to_confirm)
        assert await exceptions(company) == []
        await billing.pass_time(CONFIRMED_AFTER)
        [found] = await eventually(lambda: exceptions(company))
    assert found["provider_id"] == charge_id


@pytest.mark.parametrize("booked", ["after the list", "before the confirmation", "never"])
async def test_a_refund_around_the_read_makes_no_difference_once_it_is_booked(
    billing: BillingService, company: Company, booked: str
) -> None:
    charge_id = await pay_at_the_provider(billing, company)

    async def book() -> None:
        notice = refund_notice(charge_id, "re_1", PART)
        await company.handle(BookNotice(notice=notice, at=billing.clock.now()))

    async def make_and_book() -> None:
        await refund(billing.payments, charge=charge_id, amount_minor=PART)
        await book()

    if booked == "after the list":
        await compared(company, after_the_list=make_and_book)
    else:
        await refund(billing.payments, charge=charge_id, amount_minor=PART)
        await compared(company)
    if booked == "before the confirmation":
        await book()
    assert await confirmed(company) == len(await exceptions(company)) == (booked == "never")


async def test_the_confirmation_stores_only_what_was_the_same_before(billing: BillingService, company: Company) -> None:
    same, changed, new = [await pay_at_the_provider(billing, company) for _ in range(3)]
    for charge_id in (same, changed):
        await refund(billing.payments, charge=charge_id, amount_minor=PART)
    assert await compared(company) == 2
    for charge_id in (changed, new):
        await refund(billing.payments, charge=charge_id, amount_minor=PART)
    assert await confirmed(company) == 1
    assert [row["provider_id"] for row in await exceptions(company)] == [same]


async def test_a_charge_around_the_read_makes_no_difference(billing: BillingService, company: Company) -> None:
    """It is decided after the list was read, and is not in it."""
    attempt_id = await company.begin_charge(await company.finalized(AMOUNT))
    metadata = {"tenant_id": str(company.tenant_id), "attempt_id": str(attempt_id)}

    async def pay() -> None:
        made = await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT, metadata=metadata)
        await company.decide(attempt_id, succeeded(made.json()["id"]))

    await compared(company, after_the_list=pay)
    assert await confirmed(company) == 0


async def test_a_resolved_difference_is_stored_again_only_if_a_side_changes(
    billing: BillingService, company: Company
) -> None:
    charge_id = await pay_at_the_provider(billing, company)

    async def book(refund_id: str, amount: int) -> None:
        notice = refund_notice(charge_id, refund_id, amount)
        await company.handle(BookNotice(notice=notice, at=billing.clock.now()))

    async def resolve_it() -> None:
        [found] = await exceptions(company)
        await resolve(company, found)

    await refund(billing.payments, charge=charge_id, amount_minor=PART)
    assert await reconciled(company) == 1
    await resolve_it()
    assert await reconciled(company) == 0, "nothing changed"
    await book("re_1", PART)
    await refund(billing.payments, charge=charge_id, amount_minor=PART)
    assert await reconciled(company) == 1, "a second lost refund of the same amount"
    await resolve_it()
    # The operator accepted this gap: a later refund on both sides lists it once more.
    await refund(billing.payments, charge=charge_id, amount_minor=1_000)
    await book("re_3", 1_000)
    assert [await reconciled(company), await reconciled(company)] == [1, 0]


async def test_an_exception_hides_a_charge_only_while_it_is_open(billing: BillingService, company: Company) -> None:
    attempt_id = await company.begin_charge(await company.finalized(AMOUNT))
    metadata = {"tenant_id": str(company.tenant_id)}
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=5_000, metadata=metadata)).json()["id"]
    await company.decide(attempt_id, succeeded(made, 5_000))
    billing.clock.move(FORGOTTEN_AFTER)
    assert await reconciled(company) == 0
    [found] = await exceptions(company)
    await resolve(company, found, close_attempt=True)
    assert await reconciled(company) == 1, "the money was not refunded"
    [found] = await exceptions(company)
    assert (found["kind"], found["provider_id"]) == ("difference", made)
