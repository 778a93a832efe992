"""Charges: the attempt is committed before the provider is asked."""

from datetime import datetime
from uuid import UUID

from services.billing.commands import BeginCharge, PayInvoice
from services.billing.domain import (
    AttemptKind,
    AttemptStatus,
    Customer,
    Invoice,
    InvoiceStatus,
    PaymentAttempt,
    PaymentMethod,
)
from services.billing.domain.attempts import NO_PAYMENT_METHOD, charge_key
from services.billing.domain.dunning import step_key, steps_of
from services.billing.domain.errors import NoPaymentMethod
from services.billing.handlers import attempt_rows
from services.billing.handlers.arrears import write_off
from services.billing.handlers.customer_lock import lock_customer_of
from services.billing.handlers.invoices import lock_invoice, require_no_pending_payment
from services.billing.handlers.subscription_status import update_subscription_status
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork


async def begin_charge(command: BeginCharge, uow: UnitOfWork) -> PaymentAttempt | None:
    """Begins a charge, or returns the pending attempt of any requester: an invoice has one pending
    attempt at most. Returns None if there is nothing to charge.
    """
    await lock_customer_of(command.invoice_id, uow)
    invoice = await lock_invoice(command.invoice_id, uow)
    existing = await attempt_rows.find_by_requester(command.requested_by, uow)
    if existing is not None:
        return existing if existing.is_pending else None
    if invoice.status is not InvoiceStatus.OPEN or _is_earlier_step(command, invoice):
        return None
    pending = await attempt_rows.pending_attempt(invoice.id, uow)
    if pending is not None:
        return pending
    customer = await uow.load(Customer, invoice.customer_id)
    at = _time_of_step(command, invoice)
    attempt = await _new_attempt(command.attempt_id, invoice, customer.default_payment_method, at, uow)
    await attempt_rows.add(attempt, command.requested_by, invoice.tenant_id, uow)
    if attempt.is_pending:
        return attempt
    await payment_failed(invoice, attempt, attempt.reason or "", command.at, uow)
    return None


async def pay_invoice(command: PayInvoice, uow: UnitOfWork) -> Invoice:
    """Commits a pending attempt, so that a second request is refused, and enqueues its job. A
    written-off invoice can be paid too. Raises InvoiceNotOpen, PaymentPending, NoPaymentMethod;
    NotFound for another customer's invoice.
    """
    await lock_customer_of(command.invoice_id, uow)
    invoice = await lock_invoice(command.invoice_id, uow)
    if command.confined_to not in (None, invoice.customer_id):
        raise NotFound(f"there is no invoice {invoice.id}")
    invoice.expect(command.expected_version)
    invoice.require_owed()
    await require_no_pending_payment(invoice, uow)
    customer = await uow.load(Customer, invoice.customer_id)
    if customer.default_payment_method is None:
        raise NoPaymentMethod
    attempt = await _new_attempt(command.attempt_id, invoice, customer.default_payment_method, command.at, uow)
    requester = f"pay-{attempt.id}"
    await attempt_rows.add(attempt, requester, invoice.tenant_id, uow)
    await uow.jobs.enqueue("retry_payment", idempotency_key=requester, invoice_id=invoice.id)
    return invoice


async def payment_failed(invoice: Invoice, attempt: PaymentAttempt, reason: str, at: datetime, uow: UnitOfWork) -> None:
    """Schedules the next attempt. After the last one the invoice is written off, or voided if the
    customer is erased. A written-off invoice is not charged automatically. An attempt does not fail
    before it begins, by whichever clock.
    """
    at = max(at, attempt.created_at)
    customer = await uow.load(Customer, invoice.customer_id)
    is_open = invoice.status is InvoiceStatus.OPEN
    due = invoice.dunning.next_attempt_at(at) if is_open and not customer.erased else None
    invoice.fail_payment(attempt, reason, next_attempt_at=due, at=at)
    if due is not None:
        key = step_key(invoice.id, due)
        await uow.jobs.enqueue("retry_payment", idempotency_key=key, run_at=due, invoice_id=invoice.id)
    elif is_open and customer.erased:
        invoice.void("erased", at)
    elif is_open:
        write_off(invoice, customer, attempt.number, at)
    await update_subscription_status(invoice, at, uow)


def _is_earlier_step(command: BeginCharge, invoice: Invoice) -> bool:
    """Whether the job is a step of the dunning schedule that a payment by hand has used: a later
    step is scheduled.
    """
    due = invoice.next_attempt_at
    is_step = command.requested_by.startswith(steps_of(invoice.id))
    return is_step and (due is None or command.requested_by != step_key(invoice.id, due))


def _time_of_step(command: BeginCharge, invoice: Invoice) -> datetime:
    """A step of the dunning schedule is never before its due time. The database starts the job by
    its own clock, and a process behind it would count the decline as a payment by hand: no further
    step would follow.
    """
    due = invoice.next_attempt_at
    if due is not None and command.requested_by == step_key(invoice.id, due):
        return max(command.at, due)
    return command.at


async def _new_attempt(
    attempt_id: UUID, invoice: Invoice, method: PaymentMethod | None, at: datetime, uow: UnitOfWork
) -> PaymentAttempt:
    """A pending attempt; without a card it is declined at once."""
    number = await attempt_rows.next_number(invoice.id, AttemptKind.CHARGE, uow)
    return PaymentAttempt(
        id=attempt_id,
        invoice_id=invoice.id,
        kind=AttemptKind.CHARGE,
        number=number,
        idempotency_key=charge_key(invoice.id, number),
        amount=invoice.total,
        status=AttemptStatus.PENDING if method else AttemptStatus.DECLINED,
        payment_method_id=method.id if method else None,
        charge_id=None,
        reason=None if method else NO_PAYMENT_METHOD,
        created_at=at,
    )
