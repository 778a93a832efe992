"""`/ops/payment-exceptions` and `/ops/stray-payments`, for operators."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import Row, update

from services.billing.api.context import Context
from services.billing.commands import AbandonAttempt
from services.billing.handlers.exception_tables import payment_exceptions
from services.billing.handlers.payment_attempts import abandon_attempt
from services.billing.handlers.payment_exceptions import NO_TENANT, ExceptionKind
from services.billing.handlers.stray_payments import StrayStatus
from services.billing.queries.exceptions import exception_query, exceptions_query, stray_payments_query
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
    kind: ExceptionKind | str
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
    status: StrayStatus | str
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
    dry_run: bool = False
    """Answers what the request would do, and changes nothing."""


class ResolutionView(PaymentExceptionView):
    """The exception after the request."""

    was_open: bool
    attempt_closed: bool
    """Whether the request ended the attempt."""


class _DryRun(Exception):
    """Rolls the transaction of a dry run back."""


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


@router.get("/payment-exceptions/{exception_id}")
async def show_payment_exception(
    exception_id: UUID, operator: OperatorCaller, admin_service: CurrentAdminService, tenant_id: OfTenant = None
) -> PaymentExceptionView:
    """Returns one exception, resolved or not. Without `tenant_id`, looks through all tenants."""
    rows = await latest_rows(
        admin_service,
        exception_query(exception_id),
        tenants=[TenantId(tenant_id)] if tenant_id else None,
        more_tenants=[NO_TENANT],
        latest=lambda row: row.found_at,
        limit=1,
    )
    return PaymentExceptionView.model_validate(_present(rows, exception_id))


@router.post("/payment-exceptions/{exception_id}/resolve")
async def resolve_payment_exception(
    exception_id: UUID, body: ResolveRequest, operator: OperatorCaller, context: Context
) -> ResolutionView:
    """Marks an exception as resolved. A repeated call changes nothing."""
    tenant_id = TenantId(body.tenant_id)
    with bound_tenants([tenant_id]), suppress(_DryRun):
        async with context.bus.units.begin() as uow:
            view = await _resolve(exception_id, body, context.now, uow)
            if body.dry_run:
                raise _DryRun
            if view.was_open or view.attempt_closed:
                await record_change(
                    uow,
                    body.audited_by(operator),
                    verb="payment_exceptions.resolve",
                    subject=exception_id,
                    tenant_id=tenant_id,
                    close_attempt=str(body.close_attempt),
                )
    return view


@router.get("/stray-payments")
async def list_stray_payments(
    operator: OperatorCaller,
    admin_service: CurrentAdminService,
    tenant_id: OfTenant = None,
    status: Annotated[StrayStatus | None, Query(description="Only payments with this status.")] = None,
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


async def _resolve(exception_id: UUID, body: ResolveRequest, at: datetime, uow: UnitOfWork) -> ResolutionView:
    """Raises NotFound."""
    columns = payment_exceptions.c
    is_open = columns.id == exception_id, columns.resolved_at.is_(None)
    resolved = await uow.rows.execute(update(payment_exceptions).where(*is_open).values(resolved_at=at))
    row = _present((await uow.rows.execute(exception_query(exception_id))).all(), exception_id)
    attempt_closed = False
    if body.close_attempt and row.attempt_id is not None and row.kind == ExceptionKind.MISMATCH:
        attempt_closed = await abandon_attempt(AbandonAttempt(attempt_id=row.attempt_id, at=at), uow)
    return ResolutionView.model_validate(
        {**row._mapping, "was_open": resolved.rowcount == 1, "attempt_closed": attempt_closed}
    )


def _present(rows: Sequence[Row[Any]], exception_id: UUID) -> Row[Any]:
    """The only row. Raises NotFound."""
    for row in rows:
        return row
    raise NotFound(f"there is no payment exception {exception_id}: GET /ops/payment-exceptions lists them")
