"""Customers and their cards."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.billing import queries
from services.billing.api.context import Context
from services.billing.api.models import CustomerView, NewPaymentMethod, PaymentMethodView
from services.billing.commands import AttachPaymentMethod
from services.billing.domain import PaymentMethod
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller, Caller
from waypost.web.idempotency import Executor
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.responses import created, shown

router = APIRouter(prefix="/customers", tags=["customers"])


@router.get("")
async def list_customers(
    page: Annotated[PageRequest[UUID], paged_by(UUID)], caller: AdminCaller, context: Context
) -> Page[CustomerView]:
    """Lists the tenant's customers."""
    async with context.bus.units.begin() as uow:
        rows = await queries.all_customers(uow.rows, after=page.after, limit=page.rows)
    return page.of(rows, CustomerView.model_validate, position=lambda row: row.id)


@router.get("/{customer_id}", response_model=CustomerView)
async def show_customer(customer_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns one customer. A customer has its user's id; members see themselves only."""
    if not caller.may_see(customer_id):
        raise NotFound(f"there is no customer {customer_id}")
    async with context.bus.units.begin() as uow:
        row = await queries.customer(uow.rows, customer_id)
    return shown(CustomerView.model_validate(row), version=row.version)


@router.post("/{customer_id}/payment-methods", status_code=201, response_model=PaymentMethodView)
async def attach_payment_method(
    customer_id: UUID, body: NewPaymentMethod, caller: AdminCaller, context: Context, execute: Executor
) -> Response:
    """Attaches a card. It becomes the customer's default: later invoices are charged to it."""
    # Ask the provider before the transaction begins, so that no connection is held during the
    # request.
    card = await context.resources.payments.card(body.token)
    method = PaymentMethod(id=new_id(), brand=card.brand, last4=card.last4)
    command = AttachPaymentMethod(customer_id=customer_id, method=method, token=body.token, at=context.now)
    return await execute(
        command,
        lambda customer: created(
            PaymentMethodView.model_validate(method), f"/customers/{customer_id}", version=customer.version
        ),
    )
