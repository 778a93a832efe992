"""Giving back what was paid."""

from services.billing.commands import RefundInvoice
from services.billing.domain import AttemptKind, AttemptStatus, Invoice, PaymentAttempt
from services.billing.domain.attempts import refund_key
from services.billing.domain.refusals import RefundTooLarge
from services.billing.handlers import attempt_rows
from services.billing.handlers.invoicing import locked, require_no_payment
from waypost.kernel.money import Money
from waypost.ports.unit_of_work import UnitOfWork


async def refund_invoice(command: RefundInvoice, uow: UnitOfWork) -> Invoice:
    """Raises InvoiceNotPaid, RefundTooLarge, PaymentPending. The invoice changes when the provider
    has given the money back.
    """
    invoice = await locked(command.invoice_id, uow)
    invoice.expect(command.expected_version)
    amount_minor = command.amount_minor or invoice.refundable_minor
    invoice.require_refundable(amount_minor)
    if amount_minor == 0:
        raise RefundTooLarge("all of it was given back already", left_minor=0)
    await require_no_payment(invoice, uow)
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
    )
    await attempt_rows.add(refund, refund.idempotency_key, invoice.tenant_id, uow)
    await uow.jobs.enqueue("refund_payment", idempotency_key=refund.idempotency_key, refund_id=refund.id)
    return invoice
