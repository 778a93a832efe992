"""Invoices from draft to open or void."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert

from services.billing.commands import AddLine, CreateInvoice, FinalizeInvoice, VoidInvoice
from services.billing.domain import Customer, Invoice, InvoiceStatus
from services.billing.domain.dunning import PAYMENT_TERM
from services.billing.domain.errors import CustomerIsErased, PaymentPending
from services.billing.handlers import attempt_rows
from services.billing.handlers.arrears import require_no_arrears, settle_arrears
from services.billing.handlers.customer_lock import lock_customer_of
from services.billing.handlers.subscription_status import update_subscription_status
from services.billing.tables import customers, invoice_numbers, invoices
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money
from waypost.ports.unit_of_work import UnitOfWork


async def create_invoice(command: CreateInvoice, uow: UnitOfWork) -> Invoice:
    """Raises NotFound for an unknown customer, CustomerIsErased, CustomerInArrears,
    TenantInArrears, Invalid for an unknown currency.
    """
    customer = await uow.load(Customer, command.customer_id)
    customer.require_present()
    await require_no_arrears(customer, uow)
    invoice = Invoice.create(
        command.invoice_id,
        customer.tenant_id,
        customer_id=customer.id,
        currency=command.currency,
        at=command.at,
    )
    uow.add(invoice)
    return invoice


async def add_line(command: AddLine, uow: UnitOfWork) -> Invoice:
    """Raises InvoiceNotDraft, TooManyLines, TotalTooLarge, Invalid for a sum beyond 64 bits,
    CustomerIsErased.
    """
    invoice = await lock_draft(command.invoice_id, uow)
    invoice.expect(command.expected_version)
    price = Money(command.unit_amount_minor, invoice.currency)
    invoice.add_line(command.line_id, command.description, command.quantity, price, command.at)
    return invoice


async def finalize_invoice(command: FinalizeInvoice, uow: UnitOfWork) -> Invoice:
    """Raises InvoiceNotDraft, InvoiceEmpty, CustomerIsErased."""
    invoice = await lock_draft(command.invoice_id, uow)
    invoice.expect(command.expected_version)
    await finalize(invoice, command.at, uow)
    return invoice


async def void_invoice(command: VoidInvoice, uow: UnitOfWork) -> Invoice:
    """Raises InvoiceNotOpen, PaymentPending."""
    await lock_customer_of(command.invoice_id, uow)
    invoice = await lock_invoice(command.invoice_id, uow)
    invoice.expect(command.expected_version)
    invoice.require_owed()
    await require_no_pending_payment(invoice, uow)
    was_uncollectible = invoice.status is InvoiceStatus.UNCOLLECTIBLE
    invoice.void("requested", command.at)
    await update_subscription_status(invoice, command.at, uow)
    if was_uncollectible:
        await settle_arrears(invoice, command.at, uow)
    return invoice


async def finalize(invoice: Invoice, at: datetime, uow: UnitOfWork) -> None:
    """Assigns the number and enqueues the charge, in one transaction: the charge exists if and only
    if the invoice is finalized. Raises InvoiceNotDraft, InvoiceEmpty.
    """
    invoice.require_finalizable()
    number = await _next_number(invoice.tenant_id, uow)
    invoice.finalize(number, due_at=at + PAYMENT_TERM, at=at)
    await uow.jobs.enqueue("charge_invoice", idempotency_key=f"inv-{invoice.id}", invoice_id=invoice.id)


async def lock_invoice(invoice_id: UUID, uow: UnitOfWork) -> Invoice:
    """Locks the invoice's row and loads it. The lock serializes charging, paying, voiding,
    refunding and settling. Raises NotFound.
    """
    row = select(invoices.c.invoice_id).where(invoices.c.invoice_id == invoice_id).with_for_update()
    await uow.rows.execute(row)
    return await uow.load(Invoice, invoice_id)


async def lock_draft(invoice_id: UUID, uow: UnitOfWork) -> Invoice:
    """`lock_invoice` for an invoice that is to be changed. Raises NotFound, CustomerIsErased: a
    draft that was created during the erasure of its customer remains as it is.
    """
    of_customer = and_(customers.c.tenant_id == invoices.c.tenant_id, customers.c.customer_id == invoices.c.customer_id)
    row = (
        select(customers.c.erased)
        .select_from(invoices.outerjoin(customers, of_customer))
        .where(invoices.c.invoice_id == invoice_id)
        .with_for_update(of=invoices)
    )
    is_erased = (await uow.rows.execute(row)).scalar_one_or_none()
    invoice = await uow.load(Invoice, invoice_id)
    if is_erased and invoice.status is InvoiceStatus.DRAFT:
        raise CustomerIsErased
    return invoice


async def require_no_pending_payment(invoice: Invoice, uow: UnitOfWork) -> None:
    """Raises PaymentPending."""
    if await attempt_rows.pending_attempt(invoice.id, uow):
        raise PaymentPending


async def _next_number(tenant_id: TenantId, uow: UnitOfWork) -> int:
    last: Any = invoice_numbers.c.last_number
    result = await uow.rows.execute(
        insert(invoice_numbers)
        .values(tenant_id=tenant_id, last_number=1)
        .on_conflict_do_update(index_elements=["tenant_id"], set_={"last_number": last + 1})
        .returning(last)
    )
    return int(result.scalar_one())
