"""Payment exceptions and stray payments, for operators."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.handlers.exception_tables import payment_exceptions, stray_payments
from services.billing.handlers.payment_exceptions import ExceptionKind
from services.billing.handlers.stray_payments import StrayStatus

_columns = payment_exceptions.c


def exceptions_query(*, open_only: bool, limit: int) -> Select[Any]:
    """The latest first."""
    query = select(payment_exceptions).order_by(_columns.found_at.desc()).limit(limit)
    return query.where(_columns.resolved_at.is_(None)) if open_only else query


def exception_query(exception_id: UUID) -> Select[Any]:
    return select(payment_exceptions).where(_columns.id == exception_id)


async def stored_exceptions(rows: AsyncConnection, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the ids that are stored, resolved or not."""
    stored = select(_columns.id).where(_columns.id == any_(literal(ids, ARRAY(Uuid))))
    return frozenset((await rows.execute(stored)).scalars())


async def reported_otherwise(rows: AsyncConnection) -> frozenset[str]:
    """The provider's ids in open exceptions that the reconciliation did not store. A resolved one
    says nothing about the books of today.
    """
    is_open, is_other = _columns.resolved_at.is_(None), _columns.kind != ExceptionKind.DIFFERENCE.value
    named = select(_columns.provider_id).where(is_open, is_other)
    return frozenset((await rows.execute(named)).scalars())


def stray_payments_query(*, status: StrayStatus | None, limit: int) -> Select[Any]:
    """The latest first."""
    query = select(stray_payments).order_by(stray_payments.c.received_at.desc()).limit(limit)
    return query if status is None else query.where(stray_payments.c.status == status.value)
