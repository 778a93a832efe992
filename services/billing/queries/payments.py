"""Refunds, and payments that need attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import AttemptKind, AttemptStatus
from services.billing.domain.attempts import refund_key
from services.billing.handlers.exception_tables import payment_exceptions, stray_payments
from services.billing.handlers.payment_exceptions import ExceptionKind
from services.billing.tables import invoices, payment_attempts
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import TenantId
from waypost.kernel.stored_kinds import member_or_text

RefundStatus = Literal["pending", "succeeded", "failed"]
RefundOrigin = Literal["waypost", "provider"]
"""Where the refund was made: requested here, or in the provider's dashboard."""

_attempts = payment_attempts.c


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    id: UUID
    invoice_id: UUID
    status: RefundStatus | str
    amount_minor: int
    currency: str
    reason: str
    failure: str | None
    origin: RefundOrigin
    requested_by: UUID | None
    provider_refund_id: str | None
    created_at: datetime
    settled_at: datetime | None


async def refunds(
    rows: AsyncConnection,
    *,
    invoice_id: UUID | None,
    customer_id: UUID | None,
    status: RefundStatus | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[RefundRow]:
    """The latest first; of one invoice, or of one customer, if they are given."""
    query = _refunds(customer_id).order_by(_attempts.created_at.desc(), _attempts.id.desc()).limit(limit)
    if invoice_id is not None:
        query = query.where(_attempts.invoice_id == invoice_id)
    if status is not None:
        query = query.where(_attempts.status.in_([one.value for one in AttemptStatus if _status(one) == status]))
    if before is not None:
        query = query.where(tuple_(_attempts.created_at, _attempts.id) < before)
    return [_refund(row) for row in await rows.execute(query)]


async def refund(rows: AsyncConnection, refund_id: UUID, *, customer_id: UUID | None) -> RefundRow:
    """Raises NotFound, also for another customer's refund."""
    row = (await rows.execute(_refunds(customer_id).where(_attempts.id == refund_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no refund {refund_id}")
    return _refund(row)


async def tenants_of_charge(rows: AsyncConnection, charge_id: str) -> Sequence[TenantId]:
    """The tenants among the bound ones that have the charge, or a mismatch of it: one at most."""
    is_charge = _attempts.kind == AttemptKind.CHARGE.value
    paid = select(_attempts.tenant_id).where(_attempts.provider_id == charge_id, is_charge)
    stray = select(stray_payments.c.tenant_id).where(stray_payments.c.charge_id == charge_id)
    exception = payment_exceptions.c
    is_mismatch = exception.kind == ExceptionKind.MISMATCH.value
    mismatch = select(exception.tenant_id).where(exception.provider_id == charge_id, is_mismatch)
    return [TenantId(found) for found in (await rows.execute(union(paid, stray, mismatch))).scalars()]


def _refunds(customer_id: UUID | None) -> Select[Any]:
    query = select(payment_attempts).where(_attempts.kind == AttemptKind.REFUND.value)
    if customer_id is None:
        return query
    own = select(invoices.c.invoice_id).where(invoices.c.customer_id == customer_id)
    return query.where(_attempts.invoice_id.in_(own))


def _status(status: AttemptStatus) -> RefundStatus:
    match status:
        case AttemptStatus.PENDING:
            return "pending"
        case AttemptStatus.SUCCEEDED:
            return "succeeded"
        case AttemptStatus.DECLINED | AttemptStatus.ABANDONED:
            return "failed"


def _shown_status(stored: str) -> RefundStatus | str:
    status = member_or_text(AttemptStatus, stored)
    return _status(status) if isinstance(status, AttemptStatus) else status


def _refund(row: Row[Any]) -> RefundRow:
    made_here = row.requested_by == refund_key(row.id)
    return RefundRow(
        id=row.id,
        invoice_id=row.invoice_id,
        status=_shown_status(row.status),
        amount_minor=row.amount_minor,
        currency=row.currency,
        reason=row.reason or "requested",
        failure=row.failure,
        origin="waypost" if made_here else "provider",
        requested_by=row.actor_id,
        provider_refund_id=row.provider_id,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )
