"""Compares the ledger with the provider's list of charges, every day. Each difference is a row that
operators see under `/ops/payment-exceptions`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import structlog

from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.handlers.payment_exceptions import ExceptionKind, PaymentException, store_exception
from services.billing.ports import ProviderCharge, Resources
from services.billing.queries.reconciliation import (
    MARGIN,
    WINDOW,
    BookedCharge,
    booked_charges,
    pending_attempts,
    tenants_with_charges,
)
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Scheduled
from waypost.jobs.tenant_directory import tenants_with_rows

log = structlog.get_logger()


async def reconcile_payments(job: JobContext[Resources]) -> int:
    """Returns the number of new differences. Raises ProviderUnavailable.

    The ledger is read after the provider's list: a charge that is booked in between is in both. A
    charge that is still being decided is left out. At the old end of the window our time of a
    charge and the provider's may lie on either side.
    """
    now = job.clock.now()
    listed = await job.resources.payments.charges(job.tenant_id, now - WINDOW)
    async with job.begin() as uow:
        booked = await booked_charges(uow.rows, now - WINDOW - MARGIN)
        due = {charge.id for charge in booked if charge.created_at >= now - WINDOW + MARGIN}
        pending = await pending_attempts(uow.rows)
        decided = [charge for charge in listed if charge.attempt_id not in pending]
        found = list(differences(decided, booked, due, now - FORGOTTEN_AFTER))
        new = sum([await store_exception(difference, job.tenant_id, now, uow) for difference in found])
    log.info("payments_reconciled", tenant_id=str(job.tenant_id), charges=len(listed), differences=len(found))
    return new


def differences(
    listed: Sequence[ProviderCharge], booked: Sequence[BookedCharge], due: set[str], reported_before: datetime
) -> Iterator[PaymentException]:
    """`due`: ids of booked charges that the provider must list. `reported_before`: a younger charge
    may still be reported to us.
    """
    ours: Mapping[str, BookedCharge] = {charge.id: charge for charge in booked}
    theirs = {charge.id: charge for charge in listed}
    for charge in listed:
        known = ours.get(charge.id)
        if known is None:
            if charge.created_at < reported_before:
                yield _difference(charge.id, None, charge)
        elif not known.is_undecided and _differs(charge, known):
            yield _difference(charge.id, known, charge)
    for charge_id in sorted(due - theirs.keys()):
        if not ours[charge_id].is_undecided:
            yield _difference(charge_id, ours[charge_id], None)


def _differs(charge: ProviderCharge, booked: BookedCharge) -> bool:
    kept = charge.amount.amount_minor - charge.refunded_minor
    return (kept, charge.amount.currency) != (booked.kept_minor, booked.currency)


def _difference(charge_id: str, booked: BookedCharge | None, charge: ProviderCharge | None) -> PaymentException:
    ours = f"{booked.kept_minor} {booked.currency} minor units kept" if booked else "no such charge"
    theirs = f"{charge.amount}, {charge.refunded_minor} minor units refunded" if charge else "no such charge"
    return PaymentException(
        kind=ExceptionKind.DIFFERENCE,
        provider_id=charge_id,
        invoice_id=booked.invoice_id if booked else None,
        expected=ours,
        reported=theirs,
        detail="the ledger and the provider's list differ",
    )


RECONCILIATION = Scheduled(
    "reconcile_payments", at="04:00", tenants=tenants_with_rows(tenants_with_charges), skip_if_queued=True
)
