"""Payment exceptions and stray payments, for operators."""

from typing import Any

from sqlalchemy import Select, select

from services.billing.handlers.exception_tables import payment_exceptions, stray_payments


def exceptions_query(*, open_only: bool, limit: int) -> Select[Any]:
    """The latest first."""
    query = select(payment_exceptions).order_by(payment_exceptions.c.found_at.desc()).limit(limit)
    return query.where(payment_exceptions.c.resolved_at.is_(None)) if open_only else query


def stray_payments_query(*, status: str | None, limit: int) -> Select[Any]:
    """The latest first."""
    query = select(stray_payments).order_by(stray_payments.c.received_at.desc()).limit(limit)
    return query if status is None else query.where(stray_payments.c.status == status)
