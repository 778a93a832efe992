"""Settlement of payment attempts. The decision is recorded once: by the job that asked, by the
sweep that looked it up, or by the webhook.
"""

from typing import assert_never

import structlog

from services.billing.commands import AbandonAttempt, RecordDecision
from services.billing.domain import AttemptKind, AttemptStatus, Invoice, PaymentAttempt
from services.billing.handlers import attempt_rows
from services.billing.handlers.invoices import lock_invoice
from services.billing.handlers.payments import payment_failed
from services.billing.handlers.subscription_status import update_subscription_status
from services.billing.ports import Declined, Succeeded
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()


async def record_decision(command: RecordDecision, uow: UnitOfWork) -> None:
    attempt = await attempt_rows.find(command.attempt_id, uow)
    if attempt is None:
        return
    invoice = await lock_invoice(attempt.invoice_id, uow)
    match command.decision:
        case Succeeded():
            await _record_success(command, command.decision, attempt, invoice, uow)
        case Declined():
            await _record_decline(command, command.decision, attempt, invoice, uow)
        case _ as never:
            assert_never(never)


async def abandon_attempt(command: AbandonAttempt, uow: UnitOfWork) -> None:
    attempt = await attempt_rows.find(command.attempt_id, uow)
    if attempt is None:
        return
    invoice = await lock_invoice(attempt.invoice_id, uow)
    abandoned = await attempt_rows.settle(attempt, AttemptStatus.ABANDONED, uow, at=command.at)
    if abandoned and attempt.kind is AttemptKind.CHARGE:
        await payment_failed(invoice, attempt, "abandoned", command.at, uow)


async def _record_success(
    command: RecordDecision, decision: Succeeded, attempt: PaymentAttempt, invoice: Invoice, uow: UnitOfWork
) -> None:
    provider_id = decision.provider_id
    if not await attempt_rows.settle(attempt, AttemptStatus.SUCCEEDED, uow, at=command.at, provider_id=provider_id):
        await _report_stray_money(command, uow)
    elif attempt.kind is AttemptKind.CHARGE:
        invoice.pay(attempt, provider_id, command.at)
        await update_subscription_status(invoice, command.at, uow)
    else:
        invoice.refund(attempt, attempt.reason or "requested", provider_id, command.at)


async def _record_decline(
    command: RecordDecision, decision: Declined, attempt: PaymentAttempt, invoice: Invoice, uow: UnitOfWork
) -> None:
    settled = await attempt_rows.settle(
        attempt,
        AttemptStatus.DECLINED,
        uow,
        at=command.at,
        provider_id=decision.provider_id,
        reason=decision.reason,
    )
    if settled and attempt.kind is AttemptKind.CHARGE:
        await payment_failed(invoice, attempt, decision.reason, command.at, uow)


async def _report_stray_money(command: RecordDecision, uow: UnitOfWork) -> None:
    """Logs money that moved for an attempt that was abandoned or declined: an operator must look at
    it. A repeated success is normal.
    """
    settled = await attempt_rows.find(command.attempt_id, uow)
    if settled is not None and settled.status is not AttemptStatus.SUCCEEDED:
        log.error("money_moved_for_a_settled_attempt", attempt_id=str(settled.id), status=settled.status.value)
