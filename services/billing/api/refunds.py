"""Refunds: requested at the invoice, or made at the provider. A job asks the provider; the refund
shows its answer.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.billing import queries
from services.billing.api.context import Context
from services.billing.queries import RefundOrigin, RefundStatus
from waypost.web.auth import Caller
from waypost.web.models import ResponseModel
from waypost.web.pagination import Page, PageRequest, paged_by

router = APIRouter(prefix="/refunds", tags=["invoices"])


Position = tuple[datetime, UUID]


class RefundView(ResponseModel):
    id: UUID
    invoice_id: UUID
    status: RefundStatus | str
    amount_minor: int
    currency: str
    reason: str
    """Why it was requested: requested, duplicate, fraudulent."""
    failure: str | None
    """Why it failed, as the provider reports it; `abandoned` if the provider never answered."""
    origin: RefundOrigin
    """`provider`: it was made in the provider's dashboard."""
    requested_by: UUID | None
    provider_refund_id: str | None
    created_at: datetime
    settled_at: datetime | None


@router.get("")
async def list_refunds(
    page: Annotated[PageRequest[Position], paged_by(Position)],
    caller: Caller,
    context: Context,
    invoice_id: Annotated[UUID | None, Query(description="Only refunds of this invoice.")] = None,
    status: Annotated[RefundStatus | None, Query(description="Only refunds with this status.")] = None,
) -> Page[RefundView]:
    """Lists refunds, newest first; members see those of their own invoices."""
    async with context.bus.units.begin() as uow:
        rows = await queries.refunds(
            uow.rows,
            invoice_id=invoice_id,
            customer_id=caller.confined_to,
            status=status,
            before=page.after,
            limit=page.rows,
        )
    return page.of(rows, RefundView.model_validate, position=lambda row: (row.created_at, row.id))


@router.get("/{refund_id}")
async def show_refund(refund_id: UUID, caller: Caller, context: Context) -> RefundView:
    """Returns one refund; members see those of their own invoices."""
    async with context.bus.units.begin() as uow:
        row = await queries.refund(uow.rows, refund_id, customer_id=caller.confined_to)
    return RefundView.model_validate(row)
