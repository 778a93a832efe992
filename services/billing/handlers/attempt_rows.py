"""The rows of payment attempts. A caller that adds or settles an attempt holds the lock of the
attempt's invoice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import AttemptKind, AttemptStatus, PaymentAttempt
from services.billing.domain.attempts import RESOLVED_AFTER
from services.billing.tables import payment_attempts
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money
from waypost.kernel.stored_kinds import known_member
from waypost.ports.unit_of_work import UnitOfWork

_columns = payment_attempts.c


async def find(attempt_id: UUID, uow: UnitOfWork) -> PaymentAttempt | None:
    return await _one(select(payment_attempts).where(_columns.id == attempt_id), uow)


async def find_by_requester(requester: str, uow: UnitOfWork) -> PaymentAttempt | None:
    return await _one(select(payment_attempts).where(_columns.requested_by == requester), uow)


async def pending_attempt(invoice_id: UUID, uow: UnitOfWork) -> PaymentAttempt | None:
    pending = _columns.status == AttemptStatus.PENDING.value
    return await _one(select(payment_attempts).where(_columns.invoice_id == invoice_id, pending), uow)


async def paid_by(charge_id: str, uow: UnitOfWork) -> PaymentAttempt | None:
    """The charge that paid an invoice, by the provider's id. A declined attempt has one too."""
    succeeded = _columns.status == AttemptStatus.SUCCEEDED.value
    return await _of_provider(AttemptKind.CHARGE, charge_id, uow, succeeded)


async def refund_of_provider(refund_id: str, uow: UnitOfWork) -> PaymentAttempt | None:
    """The refund in any status, by the provider's id."""
    return await _of_provider(AttemptKind.REFUND, refund_id, uow)


async def next_number(invoice_id: UUID, kind: AttemptKind, uow: UnitOfWork) -> int:
    last = select(func.max(_columns.attempt)).where(_columns.invoice_id == invoice_id, _columns.kind == kind.value)
    return int((await uow.rows.execute(last)).scalar() or 0) + 1


async def overdue(before: datetime, limit: int, uow: UnitOfWork) -> Sequence[UUID]:
    """Up to `limit` attempts that are pending since before `before`, in random order, so that
    attempts without a decision do not block the others in each round.
    """
    query = select(_columns.id).where(*_pending_since(before)).order_by(func.random()).limit(limit)
    return (await uow.rows.execute(query)).scalars().all()


async def tenants_with_overdue(rows: AsyncConnection) -> Sequence[TenantId]:
    """Tenants with overdue attempts, among the bound tenants. Few attempts are pending, and a
    partial index holds only these.
    """
    query = select(_columns.tenant_id).where(*_pending_since(func.now() - RESOLVED_AFTER)).distinct()
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(query)).scalars()]


async def successful_charge(invoice_id: UUID, uow: UnitOfWork) -> str:
    """The provider's id of the charge that paid the invoice."""
    succeeded = _columns.status == AttemptStatus.SUCCEEDED.value
    paid = select(_columns.provider_id).where(
        _columns.invoice_id == invoice_id, _columns.kind == AttemptKind.CHARGE.value, succeeded
    )
    return str((await uow.rows.execute(paid)).scalar_one())


async def add(attempt: PaymentAttempt, requester: str, tenant_id: TenantId, uow: UnitOfWork) -> None:
    """Inserts the row. The `requester` is unique: it begins one attempt at most, permanently."""
    await uow.rows.execute(
        insert(payment_attempts).values(
            tenant_id=tenant_id,
            id=attempt.id,
            invoice_id=attempt.invoice_id,
            kind=attempt.kind.value,
            attempt=attempt.number,
            idempotency_key=attempt.idempotency_key,
            requested_by=requester,
            payment_method_id=attempt.payment_method_id,
            charge_id=attempt.charge_id,
            amount_minor=attempt.amount.amount_minor,
            currency=attempt.amount.currency,
            status=attempt.status.value,
            reason=attempt.reason,
            failure=attempt.failure,
            created_at=attempt.created_at,
            settled_at=None if attempt.is_pending else attempt.created_at,
            provider_id=attempt.provider_id,
            actor_id=attempt.actor_id,
        )
    )


async def settle(
    attempt: PaymentAttempt,
    status: AttemptStatus,
    uow: UnitOfWork,
    *,
    at: datetime,
    provider_id: str | None = None,
    reason: str | None = None,
    over: AttemptStatus = AttemptStatus.PENDING,
) -> PaymentAttempt | None:
    """Changes the attempt from the status `over`, and returns it as it is then. None if another
    process settled the attempt first: nothing was changed, and the caller must do nothing more.
    `reason`: why the provider declined.
    """
    is_refund = attempt.kind is AttemptKind.REFUND
    updated = await uow.rows.execute(
        update(payment_attempts)
        .where(_columns.id == attempt.id, _columns.status == over.value)
        .values(
            status=status.value,
            provider_id=provider_id or attempt.provider_id,
            reason=attempt.reason if is_refund else reason or attempt.reason,
            failure=reason if is_refund else None,
            settled_at=at,
        )
        .returning(*_columns)
    )
    row = updated.one_or_none()
    return None if row is None else attempt_of(row)


def attempt_of(row: Row[Any]) -> PaymentAttempt:
    return PaymentAttempt(
        id=row.id,
        invoice_id=row.invoice_id,
        kind=known_member(AttemptKind, row.kind),
        number=row.attempt,
        idempotency_key=row.idempotency_key,
        amount=Money(row.amount_minor, row.currency),
        status=known_member(AttemptStatus, row.status),
        payment_method_id=row.payment_method_id,
        charge_id=row.charge_id,
        reason=row.reason,
        created_at=row.created_at,
        provider_id=row.provider_id,
        failure=row.failure,
        actor_id=row.actor_id,
        settled_at=row.settled_at,
    )


def _pending_since(before: datetime | ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return _columns.status == AttemptStatus.PENDING.value, _columns.created_at <= before


async def _of_provider(
    kind: AttemptKind, provider_id: str, uow: UnitOfWork, *conditions: ColumnElement[bool]
) -> PaymentAttempt | None:
    of_provider = (_columns.kind == kind.value, _columns.provider_id == provider_id, *conditions)
    return await _one(select(payment_attempts).where(*of_provider).order_by(_columns.created_at).limit(1), uow)


async def _one(query: Select[Any], uow: UnitOfWork) -> PaymentAttempt | None:
    row = (await uow.rows.execute(query)).one_or_none()
    return row and attempt_of(row)
