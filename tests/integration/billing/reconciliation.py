"""Runs the daily comparison of the ledger with the provider's list."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import UUID

from services.billing.jobs.reconciliation import CONFIRMED_AFTER, confirm_differences, reconcile_payments
from services.billing.ports import Payments, ProviderCharge
from tests.integration.billing.decisions import AMOUNT, succeeded
from tests.integration.billing.jobs import job_of
from tests.integration.billing.service import BillingService, Company
from tests.integration.infra.payments import charge
from waypost.kernel.ids import TenantId

Act = Callable[[], Awaitable[object]]


async def compared(company: Company, *, after_the_list: Act | None = None) -> int:
    async with job_of(company, "reconcile_payments") as job:
        if after_the_list is not None:
            payments = Interrupted(job.resources.payments, after_the_list)
            job = replace(job, resources=replace(job.resources, payments=cast(Payments, payments)))
        return await reconcile_payments(job)


async def confirmed(company: Company) -> int:
    """The comparison that confirms the last one. Returns the number of differences stored."""
    rows = await company.rows(
        "select jsonb_array_elements_text(arguments -> 'candidates') as id from jobs"
        " where name = 'confirm_differences' and run_at = (select max(run_at) from jobs where name = 'confirm_differences')"
    )
    company.billing.clock.move(CONFIRMED_AFTER)
    async with job_of(company, "confirm_differences") as job:
        return await confirm_differences(job, [UUID(row["id"]) for row in rows])


async def reconciled(company: Company) -> int:
    """The daily comparison, and an hour later its confirmation. Returns the number of differences
    stored.
    """
    return await confirmed(company) if await compared(company) else 0


class Interrupted:
    """The provider, with an act between its list and the read of the ledger."""

    def __init__(self, payments: Payments, act: Act) -> None:
        self._payments = payments
        self._act = act

    async def charges(self, tenant_id: TenantId, since: datetime) -> Sequence[ProviderCharge]:
        listed = await self._payments.charges(tenant_id, since)
        await self._act()
        return listed


async def pay_at_the_provider(billing: BillingService, company: Company, amount: int = AMOUNT) -> str:
    """A paid invoice. Returns its charge at the provider."""
    invoice_id = await company.finalized(AMOUNT)
    metadata = {"tenant_id": str(company.tenant_id)}
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=amount, metadata=metadata)).json()
    await company.decide(await company.begin_charge(invoice_id), succeeded(made["id"]))
    charge_id: str = made["id"]
    return charge_id
