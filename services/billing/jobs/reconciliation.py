"""Compares the ledger with the provider's list of charges, every day. Each difference that is still
the same an hour later is a row that operators see under `/ops/payment-exceptions`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.handlers.payment_exceptions import ExceptionKind, PaymentException, store_exception
from services.billing.ports import ProviderCharge, Resources
from services.billing.queries.exceptions import reported_otherwise, stored_exceptions
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
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()

CONFIRMED_AFTER = timedelta(hours=1)
"""The list and the ledger are read one after the other, and webhooks take their time: a charge or
refund in between looks like a difference. An hour later it is in both.
"""
MAX_CANDIDATES = 1_000
"""Limit of a job's list. Further differences are new on the next day again."""


async def reconcile_payments(job: JobContext[Resources]) -> int:
    """Enqueues a second comparison of the differences that are not stored. Returns their number.
    Raises ProviderUnavailable.
    """
    now = job.clock.now()
    listed = await job.resources.payments.charges(job.tenant_id, now - WINDOW)
    async with job.begin() as uow:
        found = await _differences(listed, now, uow)
        number = await _enqueue_confirmation(found, now, uow)
    _log(job, listed, found)
    return number


async def confirm_differences(job: JobContext[Resources], candidates: list[UUID]) -> int:
    """Stores those of the differences that are still the same. Returns the number of new rows.
    Raises ProviderUnavailable.
    """
    now, before = job.clock.now(), frozenset(candidates)
    listed = await job.resources.payments.charges(job.tenant_id, now - WINDOW)
    async with job.begin() as uow:
        found = await _differences(listed, now, uow)
        same = [difference for difference in found if difference.id in before]
        number = sum([await store_exception(difference, job.tenant_id, now, uow) for difference in same])
    _log(job, listed, found)
    return number


def _log(job: JobContext[Resources], listed: Sequence[ProviderCharge], found: Sequence[PaymentException]) -> None:
    log.info("payments_reconciled", tenant_id=str(job.tenant_id), charges=len(listed), differences=len(found))


async def _differences(listed: Sequence[ProviderCharge], now: datetime, uow: UnitOfWork) -> list[PaymentException]:
    """A charge that is still being decided is left out, and so is a charge that the ledger does not
    have and another open exception names. At the old end of the window our time of a charge and the
    provider's may lie on either side.
    """
    booked = await booked_charges(uow.rows, now - WINDOW - MARGIN)
    due = {charge.id for charge in booked if charge.created_at >= now - WINDOW + MARGIN}
    pending = await pending_attempts(uow.rows)
    named = await reported_otherwise(uow.rows) - {charge.id for charge in booked}
    decided = [charge for charge in listed if charge.attempt_id not in pending and charge.id not in named]
    return list(differences(decided, booked, due, now - FORGOTTEN_AFTER))


async def _enqueue_confirmation(found: Sequence[PaymentException], now: datetime, uow: UnitOfWork) -> int:
    stored = await stored_exceptions(uow.rows, [difference.id for difference in found])
    new = [difference.id for difference in found if difference.id not in stored][:MAX_CANDIDATES]
    if new:
        await uow.jobs.enqueue("confirm_differences", run_at=now + CONFIRMED_AFTER, candidates=new)
    return len(new)


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
            if charge.net_minor > 0 and charge.created_at < reported_before:
                yield _difference(charge.id, None, charge)
        elif not known.is_undecided and _differs(charge, known):
            yield _difference(charge.id, known, charge)
    for charge_id in sorted(due - theirs.keys()):
        if not ours[charge_id].is_undecided:
            yield _difference(charge_id, ours[charge_id], None)


def _differs(charge: ProviderCharge, booked: BookedCharge) -> bool:
    return (charge.net_minor, charge.amount.currency) != (booked.net_minor, booked.currency)


def _difference(charge_id: str, booked: BookedCharge | None, charge: ProviderCharge | None) -> PaymentException:
    # Both sides identify the difference: a later lost refund of an equal amount is another one.
    ours = f"{booked.net_minor} {booked.currency} minor units net of refunds" if booked else "no such charge"
    theirs = f"{charge.amount}, {charge.refunded_minor} minor units refunded" if charge else "no such charge"
    return PaymentException(
        kind=ExceptionKind.DIFFERENCE,
        provider_id=charge_id,
        invoice_id=booked.invoice_id if booked else None,
        expected=ours,
        reported=theirs,
        detail="the ledger and the provider's list differ",
        identity=f"ledger: {ours}; provider: {theirs}",
    )


RECONCILIATION = Scheduled(
    "reconcile_payments", at="04:00", tenants=tenants_with_rows(tenants_with_charges), skip_if_queued=True
)
