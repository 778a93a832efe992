"""Jobs: charges, refunds, the sweep of pending attempts, renewals, reconciliation and reports."""

from collections.abc import Sequence
from uuid import UUID

from services.billing.commands import BeginCharge
from services.billing.domain import AttemptStatus
from services.billing.handlers.payments import begin_charge
from services.billing.jobs.attempt_sweep import SWEEP, resolve_attempts
from services.billing.jobs.earlier_texts import EARLIER_TEXTS, erase_earlier_texts
from services.billing.jobs.earlier_write_offs import EARLIER_WRITE_OFFS, record_write_offs
from services.billing.jobs.line_texts import erase_line_texts
from services.billing.jobs.payment_execution import execute_or_leave_pending
from services.billing.jobs.provider_request import ProviderRequest, pending_request, request_for
from services.billing.jobs.reconciliation import RECONCILIATION, confirm_differences, reconcile_payments
from services.billing.jobs.renewals import RENEWALS, renew_subscriptions
from services.billing.jobs.reports import generate_report
from services.billing.jobs.stray_refunds import refund_stray_payment
from services.billing.ports import Resources
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.kernel.ids import new_id

PAYMENT, UPKEEP = 20, 10
"""Priorities. Reports have priority 0: payments and renewals run first."""


async def charge_invoice(job: JobContext[Resources], invoice_id: UUID) -> str | None:
    """Charges the invoice. Returns the attempt's status, or None if there was nothing to charge."""
    request = await _begin(job, invoice_id)
    return None if request is None else await execute_or_leave_pending(job, request)


async def retry_payment(job: JobContext[Resources], invoice_id: UUID) -> str | None:
    """Charges the invoice: a step of the dunning schedule, or a payment by hand. Returns the
    attempt's status, or None if there was nothing to charge.
    """
    status = await charge_invoice(job, invoice_id)
    if status != AttemptStatus.DECLINED:
        return status
    # It may have been another requester's attempt, whose decline left this step due.
    return await charge_invoice(job, invoice_id) or status


async def refund_payment(job: JobContext[Resources], refund_id: UUID) -> str | None:
    """Executes a refund. Returns its status, or None if it was already settled. Raises NotFound."""
    request = await pending_request(job, refund_id)
    return None if request is None else await execute_or_leave_pending(job, request)


async def _begin(job: JobContext[Resources], invoice_id: UUID) -> ProviderRequest | None:
    """Commits the attempt before the provider is asked, so that a retry looks the decision up
    first.
    """
    command = BeginCharge(
        invoice_id=invoice_id,
        attempt_id=new_id(),
        requested_by=job.idempotency_key,
        at=job.clock.now(),
    )
    async with job.begin() as uow:
        attempt = await begin_charge(command, uow)
        if attempt is None:
            return None
        return await request_for(attempt, uow, job.tenant_id, is_new=attempt.id == command.attempt_id)


# A provider that does not answer uses at most eight of the ten slots of a process, and reports use
# one: renewals always find one. Those without a limit and a priority are rare and short: they end
# after a part of their work, and renewals precede the next part.
JOBS: Sequence[Job] = [
    Job(charge_invoice, priority=PAYMENT, max_at_once=3),
    Job(retry_payment, priority=PAYMENT, max_at_once=1),
    Job(refund_payment, priority=PAYMENT, max_at_once=1),
    Job(refund_stray_payment, priority=PAYMENT, max_at_once=1),
    Job(resolve_attempts, timeout_seconds=150, keeps_result=False, priority=UPKEEP, max_at_once=1),
    Job(renew_subscriptions, timeout_seconds=150, keeps_result=False, priority=UPKEEP),
    Job(reconcile_payments, timeout_seconds=300, max_at_once=1),
    Job(confirm_differences, timeout_seconds=300),
    Job(generate_report, timeout_seconds=300, max_at_once=1),
    Job(record_write_offs, timeout_seconds=300),
    Job(erase_earlier_texts, keeps_result=False),
    Job(erase_line_texts, timeout_seconds=300, keeps_result=False),
]

SCHEDULE: Sequence[Scheduled] = [SWEEP, RENEWALS, RECONCILIATION, EARLIER_WRITE_OFFS, EARLIER_TEXTS]
