"""Payments and refunds. Each route answers 202: a job asks the provider, and the invoice changes
after the provider's decision.
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.billing.api.context import Context, accepted
from services.billing.api.models import InvoiceView, NewRefund
from services.billing.commands import PayInvoice, RefundInvoice
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller, Caller
from waypost.web.idempotency import Executor
from waypost.web.responses import ExpectedVersion

router = APIRouter(prefix="/invoices/{invoice_id}", tags=["invoices"])

_FULL_REFUND = NewRefund()


@router.post("/pay", status_code=202, response_model=InvoiceView)
async def pay_invoice(
    invoice_id: UUID, caller: Caller, expected: ExpectedVersion, context: Context, execute: Executor
) -> Response:
    """Charges the customer's default card again, now; also for a written-off invoice. Members pay
    their own invoices.
    """
    command = PayInvoice(
        invoice_id=invoice_id,
        attempt_id=new_id(),
        confined_to=caller.confined_to,
        expected_version=expected,
        at=context.now,
    )
    return await execute(command, accepted)


@router.post("/refund", status_code=202, response_model=InvoiceView)
async def refund_invoice(
    invoice_id: UUID,
    caller: AdminCaller,
    expected: ExpectedVersion,
    context: Context,
    execute: Executor,
    body: NewRefund = _FULL_REFUND,
) -> Response:
    """Refunds the invoice, in full or in part. `GET /refunds` shows whether it succeeded."""
    command = RefundInvoice(
        invoice_id=invoice_id,
        refund_id=new_id(),
        amount_minor=body.amount_minor,
        reason=body.reason,
        actor_id=caller.user_id,
        expected_version=expected,
        at=context.now,
    )
    return await execute(command, accepted)
