"""`/ops/payment-exceptions` and `/ops/stray-payments`: lists for operators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import Row, select, update

from services.billing.api.context import Context
from services.billing.commands import AbandonAttempt
from services.billing.handlers.exception_tables import payment_exceptions
from services.billing.handlers.payment_attempts import abandon_attempt
from services.billing.handlers.payment_exceptions import NO_TENANT
from services.billing.queries.exceptions import exceptions_query, stray_payments_query
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.operations.tenant_rows import latest_rows, record_change
from waypost.ports.unit_of_work import UnitOfWork
from waypost.web.auth import OperatorCaller
from waypost.web.models import ResponseModel
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest

MAX_ROWS = 1000

router = APIRouter(prefix="/ops", tags=["operators"])

Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="Maximum number of rows.")]
OfTenant = Annotated[UUID | None, Query(description="Only rows of this tenant.")]


class PaymentExceptionView(ResponseModel):
    id: UUID
    tenant_id: UUID
    """All zeros for a report that matches no charge."""
    kind: Literal["mismatch", "unmatched", "not_bookable", "difference"]
    provider_id: str
    """The provider's id of the charge, refund or dispute."""
    invoice_id: UUID | None
    attempt_id: UUID | None
    expected: str | None
    reported: str
    detail: str
    found_at: datetime
    resolved_at: datetime | None


class PaymentExceptionsView(BaseModel):
    data: Sequence[PaymentExceptionView]


class StrayPaymentView(ResponseModel):
    id: UUID
    tenant_id: UUID
    invoice_id: UUID
    attempt_id: UUID
    charge_id: str
    amount_minor: int
    currency: str
    status: Literal["held", "applied", "refunding", "refunded", "refund_failed"]
    refund_id: str | None
    failure: str | None
    received_at: datetime
    settled_at: datetime | None


class StrayPaymentsView(BaseModel):
    data: Sequence[StrayPaymentView]


class ResolveRequest(ReasonedRequest):
    tenant_id: UUID
    close_attempt: bool = False
    """Ends the attempt of a mismatch, if it is still pending. The invoice is then charged again by
    the dunning schedule: refund what was charged at the provider first.
    """


@router.get("/payment-exceptions")
async def list_payment_exceptions(
    operator: OperatorCaller,
    admin_service: CurrentAdminService,
    tenant_id: OfTenant = None,
    resolved: Annotated[bool, Query(description="Also resolved ones.")] = False,
    limit: Limit = 100,
) -> PaymentExceptionsView:
    """Lists reports of the payment provider that were not recorded, the latest first."""
    rows = await latest_rows(
        admin_service,
        exceptions_query(open_only=not resolved, limit=limit),
        tenants=[TenantId(tenant_id)] if tenant_id else None,
        more_tenants=[NO_TENANT],
        latest=lambda row: row.found_at,
        limit=limit,
    )
    return PaymentExceptionsView(data=[PaymentExceptionView.model_validate(row) for row in rows])


@router.post("/payment-exceptions/{exception_id}/resolve")
async def resolve_payment_exception(
    exception_id: UUID, body: ResolveRequest, operator: OperatorCaller, context: Context
) -> PaymentExceptionView:
    """Marks an exception as resolved. A repeated call changes nothing."""
    tenant_id = TenantId(body.tenant_id)
    with bound_tenants([tenant_id]):
        async with context.bus.units.begin() as uow:
            is_changed = await _resolve(exception_id, context.now, uow)
            row = await _stored(exception_id, uow)
            if body.close_attempt and row.attempt_id is not None and row.kind == "mismatch":
                command = AbandonAttempt(attempt_id=row.attempt_id, at=context.now)
                is_changed = await abandon_attempt(command, uow) or is_changed
            if is_changed:
                facts = {"close_attempt": str(body.close_attempt)}
                await record_change(
                    uow,
                    body.audited_by(operator),
                    verb="payment_exceptions.resolve",
                    subject=exception_id,
                    tenant_id=tenant_id,
                    **facts,
                )
    return PaymentExceptionView.model_validate(row)


@router.get("/stray-payments")
async def list_stray_payments(
    operator: OperatorCaller,
    admin_service: CurrentAdminService,
    tenant_id: OfTenant = None,
    status: Annotated[
        Literal["held", "applied", "refunding", "refunded", "refund_failed"] | None,
        Query(description="Only payments with this status."),
    ] = None,
    limit: Limit = 100,
) -> StrayPaymentsView:
    """Lists charges that succeeded after their attempt was settled, the latest first."""
    rows = await latest_rows(
        admin_service,
        stray_payments_query(status=status, limit=limit),
        tenants=[TenantId(tenant_id)] if tenant_id else None,
        latest=lambda row: row.received_at,
        limit=limit,
    )
    return StrayPaymentsView(data=[StrayPaymentView.model_validate(row) for row in rows])


async def _resolve(exception_id: UUID, at: datetime, uow: UnitOfWork) -> bool:
    columns = payment_exceptions.c
    is_open = columns.id == exception_id, columns.resolved_at.is_(None)
    resolved = await uow.rows.execute(update(payment_exceptions).where(*is_open).values(resolved_at=at))
    return resolved.rowcount == 1


async def _stored(exception_id: UUID, uow: UnitOfWork) -> Row[tuple[object, ...]]:
    query = select(payment_exceptions).where(payment_exceptions.c.id == exception_id)
    row = (await uow.rows.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"the tenant has no payment exception {exception_id}")
    return row
