"""Invoices from draft to open or void."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.billing.commands import AddLine, CreateInvoice, FinalizeInvoice, VoidInvoice
from services.billing.domain import Customer, Invoice, InvoiceStatus
from services.billing.domain.attempts import charge_key
from services.billing.domain.dunning import PAYMENT_TERM
from services.billing.domain.errors import CustomerInArrears, CustomerIsErased, PaymentPending, TenantInArrears
from services.billing.handlers import attempt_rows
from services.billing.handlers.arrears import OWNER_IN_ARREARS, require_no_arrears, settle_arrears
from services.billing.handlers.customer_lock import lock_customer_of
from services.billing.handlers.subscription_status import update_subscription_status
from services.billing.handlers.tax_rates import rate_for_line
from services.billing.tables import invoice_numbers, invoices, payment_attempts
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
    CustomerIsErased, TaxRateUnknown, TaxRateArchived.
    """
    invoice = await lock_draft(command.invoice_id, uow, gets_text=True)
    invoice.expect(command.expected_version)
    price = Money(command.unit_amount_minor, invoice.currency)
    rate = await rate_for_line(command.tax_rate_id, uow)
    invoice.add_line(command.line_id, command.description, command.quantity, price, command.at, rate)
    return invoice


async def finalize_invoice(command: FinalizeInvoice, uow: UnitOfWork) -> Invoice:
    """Raises InvoiceNotDraft, InvoiceEmpty, CustomerIsErased; CustomerInArrears and TenantInArrears
    also for a draft from before the arrears.
    """
    invoice = await lock_draft(command.invoice_id, uow, is_finalized=True)
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
    await uow.jobs.enqueue("charge_invoice", idempotency_key=charge_key(invoice.id, 1), invoice_id=invoice.id)


async def lock_invoice(invoice_id: UUID, uow: UnitOfWork) -> Invoice:
    """Locks the invoice's row and loads it. The lock serializes charging, paying, voiding,
    refunding and settling. Raises NotFound.
    """
    row = select(invoices.c.invoice_id).where(invoices.c.invoice_id == invoice_id).with_for_update()
    await uow.rows.execute(row)
    return await uow.load(Invoice, invoice_id)


async def lock_invoice_of(attempt_id: UUID, uow: UnitOfWork) -> Invoice | None:
    """`lock_invoice` for the invoice of a payment attempt, which never changes. None if there is no
    such attempt.
    """
    of_attempt = select(payment_attempts.c.invoice_id).where(payment_attempts.c.id == attempt_id).scalar_subquery()
    row = select(invoices.c.invoice_id).where(invoices.c.invoice_id == of_attempt).with_for_update()
    invoice_id = (await uow.rows.execute(row)).scalar_one_or_none()
    return None if invoice_id is None else await uow.load(Invoice, invoice_id)


_LOCK_DRAFT = f"""
select erased, written_off_invoices > 0 as in_arrears, exists ({OWNER_IN_ARREARS}) as owner_in_arrears
from invoices left join customers using (tenant_id, customer_id)
where invoice_id = $1
for update of invoices"""
"""One statement locks the invoice and reads whether its customer may be billed."""

# The invoice is locked last, after the rows are joined.
_LOCK_DRAFT_FOR_TEXT = """
with customer as materialized (
    select tenant_id, customer_id, erased from customers
    where customer_id = (select customer_id from invoices where invoice_id = $1)
    for share
)
select erased from invoices left join customer using (tenant_id, customer_id)
where invoice_id = $1
for update of invoices"""
"""Locks the customer first. An erasure of the customer that runs has removed the texts of the lines
that it saw: a line that is added meanwhile would keep its text.
"""


async def lock_draft(
    invoice_id: UUID, uow: UnitOfWork, *, is_finalized: bool = False, gets_text: bool = False
) -> Invoice:
    """`lock_invoice` for an invoice that is to be changed. Raises NotFound, CustomerIsErased: a
    draft that was created during the erasure of its customer remains as it is. With `is_finalized`,
    raises CustomerInArrears and TenantInArrears too. With `gets_text`, waits for an erasure of the
    customer.
    """
    found = await uow.query(_LOCK_DRAFT_FOR_TEXT if gets_text else _LOCK_DRAFT, invoice_id)
    invoice = await uow.load(Invoice, invoice_id)
    if found and invoice.status is InvoiceStatus.DRAFT:
        (customer,) = found
        if customer["erased"]:
            raise CustomerIsErased
        if is_finalized and customer["in_arrears"]:
            raise CustomerInArrears
        if is_finalized and customer["owner_in_arrears"]:
            raise TenantInArrears
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
