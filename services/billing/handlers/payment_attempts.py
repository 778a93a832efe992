"""Settlement of payment attempts. The decision is recorded once: by the job that asked, by the
sweep that looked it up, or by the webhook.
"""

from typing import assert_never
from uuid import UUID

from services.billing.commands import AbandonAttempt, RecordDecision
from services.billing.domain import AttemptKind, AttemptStatus, Invoice, InvoiceStatus, PaymentAttempt
from services.billing.handlers import attempt_rows, stray_payments, stray_refunds
from services.billing.handlers.arrears import settle_arrears
from services.billing.handlers.customer_lock import lock_customer_of_charge
from services.billing.handlers.invoices import lock_invoice_of
from services.billing.handlers.payment_exceptions import mismatch, store_exception
from services.billing.handlers.payments import payment_failed
from services.billing.handlers.refunds import book_refund, refund_failed
from services.billing.handlers.subscription_status import update_subscription_status
from services.billing.ports import Declined, Succeeded
from waypost.ports.unit_of_work import UnitOfWork


async def record_decision(command: RecordDecision, uow: UnitOfWork) -> AttemptStatus | None:
    """A report that differs from the attempt is stored for the operators and settles nothing."""
    locked = await _lock(command.attempt_id, uow)
    if locked is None:
        return await stray_refunds.record_refund(command.attempt_id, command.decision, command.at, uow)
    attempt, invoice = locked
    decision = command.decision
    if difference := mismatch(attempt, decision):
        await store_exception(difference, invoice.tenant_id, command.at, uow)
        return attempt.status
    match decision:
        case Succeeded():
            return await _record_success(command, decision, attempt, invoice, uow)
        case Declined():
            return await _record_decline(command, decision, attempt, invoice, uow)
        case _ as never:
            assert_never(never)


async def abandon_attempt(command: AbandonAttempt, uow: UnitOfWork) -> bool:
    """False if the attempt was settled before."""
    locked = await _lock(command.attempt_id, uow)
    if locked is None:
        return False
    attempt, invoice = locked
    if not await attempt_rows.settle(attempt, AttemptStatus.ABANDONED, uow, at=command.at, reason="abandoned"):
        return False
    if attempt.kind is AttemptKind.REFUND:
        refund_failed(invoice, attempt, "abandoned", command.at)
        return True
    await payment_failed(invoice, attempt, "abandoned", command.at, uow)
    await _use_held(invoice, command, uow)
    return True


async def _lock(attempt_id: UUID, uow: UnitOfWork) -> tuple[PaymentAttempt, Invoice] | None:
    """The attempt as it is under the lock of its invoice: another report may have settled it while
    this one waited. The decision about a charge may change the customer too, which is locked first.
    """
    await lock_customer_of_charge(attempt_id, uow)
    invoice = await lock_invoice_of(attempt_id, uow)
    attempt = None if invoice is None else await attempt_rows.find(attempt_id, uow)
    return None if invoice is None or attempt is None else (attempt, invoice)


async def _record_success(
    command: RecordDecision, decision: Succeeded, attempt: PaymentAttempt, invoice: Invoice, uow: UnitOfWork
) -> AttemptStatus:
    """Returns the attempt's status afterwards."""
    provider_id = decision.provider_id
    settled = await attempt_rows.settle(attempt, AttemptStatus.SUCCEEDED, uow, at=command.at, provider_id=provider_id)
    if attempt.kind is AttemptKind.REFUND:
        return await book_refund(attempt, provider_id, invoice, command.at, uow, first=settled is not None)
    if settled is not None:
        await _paid(attempt, provider_id, invoice, command, uow)
        await _use_held(invoice, command, uow)
        return settled.status
    if attempt.status is AttemptStatus.SUCCEEDED and attempt.provider_id == provider_id:
        return attempt.status  # a repeated report is normal
    was_uncollectible = invoice.status is InvoiceStatus.UNCOLLECTIBLE
    if await stray_payments.receive(attempt, provider_id, invoice, command.at, uow):
        await _after_payment(invoice, command, uow, was_uncollectible=was_uncollectible)
        return AttemptStatus.SUCCEEDED
    return attempt.status


async def _paid(
    attempt: PaymentAttempt, provider_id: str, invoice: Invoice, command: RecordDecision, uow: UnitOfWork
) -> None:
    was_uncollectible = invoice.status is InvoiceStatus.UNCOLLECTIBLE
    invoice.pay(attempt, provider_id, command.at)
    await _after_payment(invoice, command, uow, was_uncollectible=was_uncollectible)


async def _after_payment(
    invoice: Invoice, command: RecordDecision | AbandonAttempt, uow: UnitOfWork, *, was_uncollectible: bool
) -> None:
    await update_subscription_status(invoice, command.at, uow)
    if was_uncollectible:
        await settle_arrears(invoice, command.at, uow)


async def _use_held(invoice: Invoice, command: RecordDecision | AbandonAttempt, uow: UnitOfWork) -> None:
    """The invoice's pending charge is decided: so are late charges that waited for it."""
    was_uncollectible = invoice.status is InvoiceStatus.UNCOLLECTIBLE
    if await stray_payments.use_held(invoice, command.at, uow):
        await _after_payment(invoice, command, uow, was_uncollectible=was_uncollectible)


async def _record_decline(
    command: RecordDecision, decision: Declined, attempt: PaymentAttempt, invoice: Invoice, uow: UnitOfWork
) -> AttemptStatus:
    """Returns the attempt's status afterwards."""
    settled = await attempt_rows.settle(
        attempt,
        AttemptStatus.DECLINED,
        uow,
        at=command.at,
        provider_id=decision.provider_id,
        reason=decision.reason,
        over=_status_before_decline(attempt, decision),
    )
    if settled is None:
        return attempt.status
    if attempt.kind is AttemptKind.REFUND:
        refund_failed(invoice, attempt, decision.reason, command.at)
        return settled.status
    await payment_failed(invoice, attempt, decision.reason, command.at, uow)
    await _use_held(invoice, command, uow)
    return settled.status


def _status_before_decline(attempt: PaymentAttempt, decision: Declined) -> AttemptStatus:
    """A refund may fail after it succeeded: the bank returns the money days later."""
    is_booked_refund = attempt.kind is AttemptKind.REFUND and attempt.status is AttemptStatus.SUCCEEDED
    is_the_same = decision.provider_id is not None and decision.provider_id == attempt.provider_id
    return AttemptStatus.SUCCEEDED if is_booked_refund and is_the_same else AttemptStatus.PENDING
