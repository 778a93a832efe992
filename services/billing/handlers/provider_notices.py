"""Notices about what was made at the provider: refunds in its dashboard, and disputes. They name no
attempt and are matched by the id of the charge.
"""

from datetime import datetime

from services.billing.commands import BookNotice, StoreUnmatchedNotice
from services.billing.domain import Invoice
from services.billing.domain.errors import NOT_BOOKABLE, ChargeNotRecorded
from services.billing.handlers import attempt_rows, stray_payments
from services.billing.handlers.invoices import lock_invoice
from services.billing.handlers.payment_exceptions import (
    NO_TENANT,
    ExceptionKind,
    PaymentException,
    has_mismatch,
    not_bookable,
    store_exception,
    unmatched,
)
from services.billing.handlers.refunds import book_refund_of_provider
from services.billing.handlers.stray_payments import StrayStatus
from services.billing.handlers.stray_refunds import record_refund_notice
from services.billing.ports import NoticeKind, NoticeOutcome, ProviderNotice
from waypost.ports.unit_of_work import UnitOfWork


async def book_notice(command: BookNotice, uow: UnitOfWork) -> None:
    """Books the notice on the invoice that the charge paid. Stores an exception if the charge did
    not pay an invoice, or if amount or currency do not fit. Raises ChargeNotRecorded for a notice
    that may be older than the record of its charge.
    """
    notice, at = command.notice, command.at
    if await _concerns_stray(notice, at, uow):
        return
    charge = await attempt_rows.paid_by(notice.charge_id, uow)
    if charge is None:
        # Nothing books a charge that differs from its order, so a later notice would not help.
        if not await has_mismatch(notice.charge_id, uow):
            _refuse_early(notice, at)
        (tenant_id,) = uow.tenants
        detail = f"the charge {notice.charge_id} paid no invoice"
        await store_exception(not_bookable(notice, None, detail), tenant_id, at, uow)
        return
    invoice = await lock_invoice(charge.invoice_id, uow)
    if notice.kind is NoticeKind.CHARGE:
        await store_exception(not_bookable(notice, invoice.id, "it names no attempt"), invoice.tenant_id, at, uow)
    elif notice.amount.currency != invoice.currency:
        await store_exception(_other_currency(notice, invoice), invoice.tenant_id, at, uow)
    elif notice.kind is NoticeKind.REFUND:
        await book_refund_of_provider(notice, charge, invoice, at, uow)
    else:
        await _book_dispute(notice, invoice, at, uow)


async def store_unmatched_notice(command: StoreUnmatchedNotice, uow: UnitOfWork) -> None:
    """Raises ChargeNotRecorded as `book_notice` does."""
    _refuse_early(command.notice, command.at)
    await store_exception(unmatched(command.notice), NO_TENANT, command.at, uow)


def _refuse_early(notice: ProviderNotice, at: datetime) -> None:
    """The provider sends the notice again after the error, until it is too old to be early."""
    if notice.may_be_early(at):
        raise ChargeNotRecorded


async def _concerns_stray(notice: ProviderNotice, at: datetime, uow: UnitOfWork) -> bool:
    """Whether the charge is a stray payment that paid no invoice. A full refund returns it."""
    found = await stray_payments.find_by_charge(notice.charge_id, uow)
    if found is None:
        return False
    invoice = await lock_invoice(found.invoice_id, uow)
    stray = await stray_payments.find(found.id, uow) or found
    if stray.status is StrayStatus.APPLIED:
        return False
    if not await record_refund_notice(stray, notice, at, uow):
        if stray.status is StrayStatus.HELD:
            _refuse_early(notice, at)  # the charge may still pay the invoice
        exception = not_bookable(notice, invoice.id, "the charge is a stray payment")
        await store_exception(exception, invoice.tenant_id, at, uow)
    return True


async def _book_dispute(notice: ProviderNotice, invoice: Invoice, at: datetime, uow: UnitOfWork) -> None:
    dispute_id = notice.provider_id
    try:
        if notice.outcome is NoticeOutcome.OPENED:
            if not invoice.has_seen_dispute(dispute_id):
                invoice.dispute(dispute_id, notice.amount, notice.reason or "general", at)
            return
        if invoice.has_closed_dispute(dispute_id):
            return
        if not invoice.has_seen_dispute(dispute_id):  # the notices came out of order
            invoice.dispute(dispute_id, notice.amount, notice.reason or "general", at)
        invoice.close_dispute(dispute_id, won=notice.outcome is NoticeOutcome.WON, at=at)
    except NOT_BOOKABLE as refusal:
        await store_exception(not_bookable(notice, invoice.id, str(refusal)), invoice.tenant_id, at, uow)


def _other_currency(notice: ProviderNotice, invoice: Invoice) -> PaymentException:
    return PaymentException(
        kind=ExceptionKind.MISMATCH,
        provider_id=notice.provider_id,
        invoice_id=invoice.id,
        expected=f"{notice.kind} in {invoice.currency}",
        reported=f"{notice.kind} of {notice.amount}, {notice.outcome}",
        detail="the provider's report is in another currency",
    )
