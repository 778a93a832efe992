"""Customers and their cards."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.billing import queries
from services.billing.api.context import Context
from services.billing.api.models import CustomerView, NewPaymentMethod, PaymentMethodView
from services.billing.commands import AttachedCard, AttachPaymentMethod, DetachPaymentMethod, MakeDefault
from services.billing.domain import Customer, PaymentMethod
from services.billing.domain.errors import CustomerIsErased, NotTheCustomer
from services.billing.ports import CardOwner, Resources
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller, Caller
from waypost.web.idempotency import Executor
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.principal import Principal
from waypost.web.read_own_writes import reads
from waypost.web.request import RequestContext
from waypost.web.responses import ExpectedVersion, created, shown

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
@reads("customers")
async def show_customer(customer_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns one customer. A customer has its user's id; members see themselves only."""
    _require_visible(customer_id, caller)
    async with context.bus.units.begin() as uow:
        row = await queries.customer(uow.rows, customer_id)
    return shown(CustomerView.model_validate(row), version=row.version)


@router.post("/{customer_id}/payment-methods", status_code=201, response_model=PaymentMethodView)
async def attach_payment_method(
    customer_id: UUID, body: NewPaymentMethod, caller: Caller, context: Context, execute: Executor
) -> Response:
    """Attaches a card of the caller. It becomes the default: later invoices are charged to it.

    A token that the customer attached before is the same card (200). Only the customer attaches
    cards: an admin cannot do it for a colleague.
    """
    await _require_the_customer(customer_id, caller, context)
    # Ask the provider before the command's transaction begins, so that no connection is held during
    # the request.
    owner = CardOwner(tenant_id=caller.tenant_id, customer_id=customer_id)
    card = await context.resources.payments.attach(body.token, owner)
    method = PaymentMethod(id=new_id(), brand=card.brand, last4=card.last4)
    command = AttachPaymentMethod(customer_id=customer_id, method=method, token=card.token, at=context.now)
    return await execute(command, _attached)


@router.post("/{customer_id}/payment-methods/{payment_method_id}/default", response_model=CustomerView)
async def make_default(
    customer_id: UUID,
    payment_method_id: UUID,
    caller: Caller,
    expected: ExpectedVersion,
    context: Context,
    execute: Executor,
) -> Response:
    """Chooses the card that later invoices are charged to. Only the customer chooses."""
    _require_visible(customer_id, caller)
    command = MakeDefault(
        customer_id=customer_id,
        payment_method_id=payment_method_id,
        requested_by=caller.user_id,
        expected_version=expected,
        at=context.now,
    )
    return await execute(command, _changed)


@router.delete("/{customer_id}/payment-methods/{payment_method_id}", response_model=CustomerView)
async def detach_payment_method(
    customer_id: UUID,
    payment_method_id: UUID,
    caller: Caller,
    expected: ExpectedVersion,
    context: Context,
    execute: Executor,
) -> Response:
    """Detaches a card: it is not charged any more. The default is then the remaining card that was
    attached or chosen last. Members detach their own cards, admins the card of any customer.
    """
    _require_visible(customer_id, caller)
    command = DetachPaymentMethod(
        customer_id=customer_id, payment_method_id=payment_method_id, expected_version=expected, at=context.now
    )
    return await execute(command, _changed)


async def _require_the_customer(customer_id: UUID, caller: Principal, context: RequestContext[Resources]) -> None:
    """Checks before the provider is asked what the command checks again. Raises TokenRevoked,
    NotFound, NotTheCustomer, CustomerIsErased.
    """
    _require_visible(customer_id, caller)
    async with context.bus.begin() as uow:
        if not uow.preconditions_passed:
            await context.bus.authorize(uow)
        customer = await queries.customer(uow.rows, customer_id)
    if caller.user_id != customer_id:
        raise NotTheCustomer
    if customer.erased:
        raise CustomerIsErased


def _require_visible(customer_id: UUID, caller: Principal) -> None:
    """Raises NotFound."""
    if not caller.may_see(customer_id):
        raise NotFound(f"there is no customer {customer_id}")


def _attached(card: AttachedCard) -> Response:
    view, path = PaymentMethodView.model_validate(card.method), f"/customers/{card.customer.id}"
    if card.is_new:
        return created(view, path, version=card.customer.version)
    return shown(view, location=path, version=card.customer.version)


def _changed(customer: Customer) -> Response:
    return shown(CustomerView.model_validate(customer), version=customer.version)
