"""Refunds: requested here, or made at the provider."""

from datetime import datetime
from uuid import uuid5

from services.billing.commands import RefundInvoice
from services.billing.domain import AttemptKind, AttemptStatus, Invoice, PaymentAttempt
from services.billing.domain.attempts import provider_refund_key, refund_key
from services.billing.domain.errors import NOT_BOOKABLE, RefundTooLarge
from services.billing.handlers import attempt_rows
from services.billing.handlers.invoices import lock_invoice, require_no_pending_payment
from services.billing.handlers.payment_exceptions import ExceptionKind, PaymentException, not_bookable, store_exception
from services.billing.ports import NoticeOutcome, ProviderNotice
from waypost.kernel.money import Money
from waypost.ports.unit_of_work import UnitOfWork


async def refund_invoice(command: RefundInvoice, uow: UnitOfWork) -> Invoice:
    """Commits a pending refund and enqueues its job. The invoice changes when the provider has
    refunded the money. Raises InvoiceNotPaid, RefundTooLarge, PaymentPending.
    """
    invoice = await lock_invoice(command.invoice_id, uow)
    invoice.expect(command.expected_version)
    amount_minor = command.amount_minor or invoice.refundable_minor
    invoice.require_refundable(amount_minor)
    if amount_minor == 0:
        raise RefundTooLarge("the full amount was already refunded", left_minor=0)
    await require_no_pending_payment(invoice, uow)
    refund = PaymentAttempt(
        id=command.refund_id,
        invoice_id=invoice.id,
        kind=AttemptKind.REFUND,
        number=await attempt_rows.next_number(invoice.id, AttemptKind.REFUND, uow),
        idempotency_key=refund_key(command.refund_id),
        amount=Money(amount_minor, invoice.currency),
        status=AttemptStatus.PENDING,
        payment_method_id=None,
        charge_id=await attempt_rows.successful_charge(invoice.id, uow),
        reason=command.reason,
        created_at=command.at,
        actor_id=command.actor_id,
    )
    await attempt_rows.add(refund, refund.idempotency_key, invoice.tenant_id, uow)
    await uow.jobs.enqueue("refund_payment", idempotency_key=refund.idempotency_key, refund_id=refund.id)
    return invoice


def refund_failed(invoice: Invoice, refund: PaymentAttempt, reason: str, at: datetime) -> None:
    invoice.fail_refund(refund, reason, requested_by=refund.actor_id, at=at)


async def book_refund(
    refund: PaymentAttempt, provider_id: str, invoice: Invoice, at: datetime, uow: UnitOfWork, *, first: bool
) -> AttemptStatus:
    """Books a refund that succeeded. `first`: it was pending until now. Returns its status
    afterwards.

    A refund that was reported as failed and succeeded under another id has moved money: it is
    booked too. A late report of the same refund is out of order and changes nothing.
    """
    if not first:
        if refund.status is AttemptStatus.SUCCEEDED or refund.provider_id == provider_id:
            return refund.status
        succeeded = AttemptStatus.SUCCEEDED
        if not await attempt_rows.settle(refund, succeeded, uow, at=at, provider_id=provider_id, over=refund.status):
            return refund.status
    try:
        invoice.refund(refund, refund.reason or "requested", provider_id, at)
    except NOT_BOOKABLE as refusal:
        exception = PaymentException(
            kind=ExceptionKind.NOT_BOOKABLE,
            provider_id=provider_id,
            invoice_id=invoice.id,
            attempt_id=refund.id,
            reported=f"refund of {refund.amount}",
            detail=str(refusal),
        )
        await store_exception(exception, invoice.tenant_id, at, uow)
    return AttemptStatus.SUCCEEDED


async def book_refund_of_provider(
    notice: ProviderNotice, charge: PaymentAttempt, invoice: Invoice, at: datetime, uow: UnitOfWork
) -> None:
    """A refund that was made at the provider, in full or in part: stored like a requested one."""
    known = await attempt_rows.refund_of_provider(notice.provider_id, uow)
    if known is not None:
        if notice.outcome is NoticeOutcome.FAILED and known.status is AttemptStatus.SUCCEEDED:
            await attempt_rows.settle(
                known, AttemptStatus.DECLINED, uow, at=at, reason=notice.failure, over=AttemptStatus.SUCCEEDED
            )
            refund_failed(invoice, known, notice.failure, at)
        return
    has_failed = notice.outcome is NoticeOutcome.FAILED
    refund = PaymentAttempt(
        id=uuid5(invoice.id, notice.provider_id),
        invoice_id=invoice.id,
        kind=AttemptKind.REFUND,
        number=await attempt_rows.next_number(invoice.id, AttemptKind.REFUND, uow),
        idempotency_key=provider_refund_key(notice.provider_id),
        amount=notice.amount,
        status=AttemptStatus.DECLINED if has_failed else AttemptStatus.SUCCEEDED,
        payment_method_id=None,
        charge_id=charge.provider_id,
        reason="requested",
        created_at=at,
        provider_id=notice.provider_id,
        failure=notice.failure if has_failed else None,
    )
    if has_failed:
        # Nothing was booked. The row keeps a success that arrives late from being booked.
        await attempt_rows.add(refund, refund.idempotency_key, invoice.tenant_id, uow)
        return
    try:
        invoice.refund(refund, "requested", notice.provider_id, at)
    except NOT_BOOKABLE as refusal:
        await store_exception(not_bookable(notice, invoice.id, str(refusal)), invoice.tenant_id, at, uow)
        return
    await attempt_rows.add(refund, refund.idempotency_key, invoice.tenant_id, uow)
