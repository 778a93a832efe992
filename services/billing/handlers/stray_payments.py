"""Charges that succeeded late: their attempt was declined or abandoned before. Such a charge pays
the invoice if it is still owed; otherwise it is refunded once, automatically.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from services.billing.domain import AttemptKind, AttemptStatus, Invoice, PaymentAttempt
from services.billing.domain.attempts import stray_refund_key
from services.billing.handlers import attempt_rows
from services.billing.handlers.exception_tables import stray_payments
from waypost.kernel.money import Money
from waypost.kernel.stored_kinds import known_member
from waypost.ports.unit_of_work import UnitOfWork
from waypost.telemetry import metrics

log = structlog.get_logger()

_columns = stray_payments.c


class StrayStatus(StrEnum):
    HELD = "held"
    """Another charge of the invoice is pending: its outcome decides."""
    APPLIED = "applied"
    """It paid the invoice."""
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """An operator has to return the money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrayPayment:
    id: UUID
    invoice_id: UUID
    attempt_id: UUID
    charge_id: str
    amount: Money
    status: StrayStatus
    refund_id: str | None = None
    """The provider's id of the refund that was reported last."""


async def receive(attempt: PaymentAttempt, charge_id: str, invoice: Invoice, at: datetime, uow: UnitOfWork) -> bool:
    """Stores the charge of a settled attempt, once. The caller holds the invoice's lock. Returns
    whether it paid the invoice.
    """
    stray = StrayPayment(
        id=uuid5(invoice.id, charge_id),
        invoice_id=invoice.id,
        attempt_id=attempt.id,
        charge_id=charge_id,
        amount=attempt.amount,
        status=StrayStatus.HELD,
    )
    if not await _add(stray, invoice, at, uow):
        return False
    metrics.STRAY_PAYMENTS.inc()
    log.error("stray_payment_received", stray_payment_id=str(stray.id), invoice_id=str(invoice.id))
    pending = await attempt_rows.pending_attempt(invoice.id, uow)
    if pending is not None and pending.kind is AttemptKind.CHARGE:
        return False  # a pending refund decides nothing about this money
    return await _use(stray, invoice, at, uow)


async def use_held(invoice: Invoice, at: datetime, uow: UnitOfWork) -> bool:
    """Decides about charges that waited for the invoice's pending charge. Returns whether one paid
    the invoice.
    """
    held = _columns.invoice_id == invoice.id, _columns.status == StrayStatus.HELD.value
    rows = (await uow.rows.execute(select(stray_payments).where(*held).order_by(_columns.received_at))).all()
    return any([await _use(_stray(row), invoice, at, uow) for row in rows])


async def find(stray_id: UUID, uow: UnitOfWork) -> StrayPayment | None:
    row = (await uow.rows.execute(select(stray_payments).where(_columns.id == stray_id))).one_or_none()
    return None if row is None else _stray(row)


async def lock(stray_id: UUID, uow: UnitOfWork) -> StrayPayment | None:
    """Locks the row. An invoice is locked before its stray payments."""
    query = select(stray_payments).where(_columns.id == stray_id).with_for_update()
    row = (await uow.rows.execute(query)).one_or_none()
    return None if row is None else _stray(row)


async def find_by_charge(charge_id: str, uow: UnitOfWork) -> StrayPayment | None:
    row = (await uow.rows.execute(select(stray_payments).where(_columns.charge_id == charge_id))).one_or_none()
    return None if row is None else _stray(row)


async def _use(stray: StrayPayment, invoice: Invoice, at: datetime, uow: UnitOfWork) -> bool:
    attempt = await attempt_rows.find(stray.attempt_id, uow)
    if invoice.is_owed and attempt is not None and await _correct(attempt, stray, at, uow):
        invoice.pay(attempt, stray.charge_id, at)
        await _change(stray, StrayStatus.APPLIED, at, uow)
        return True
    await _change(stray, StrayStatus.REFUNDING, None, uow)
    key = stray_refund_key(stray.id)
    await uow.jobs.enqueue("refund_stray_payment", idempotency_key=key, stray_payment_id=stray.id)
    return False


async def _correct(attempt: PaymentAttempt, stray: StrayPayment, at: datetime, uow: UnitOfWork) -> bool:
    """The attempt succeeded after all."""
    if attempt.status is AttemptStatus.SUCCEEDED:
        return False
    settled = await attempt_rows.settle(
        attempt, AttemptStatus.SUCCEEDED, uow, at=at, provider_id=stray.charge_id, over=attempt.status
    )
    return settled is not None


async def _add(stray: StrayPayment, invoice: Invoice, at: datetime, uow: UnitOfWork) -> bool:
    added = await uow.rows.execute(
        insert(stray_payments)
        .values(
            tenant_id=invoice.tenant_id,
            id=stray.id,
            invoice_id=stray.invoice_id,
            attempt_id=stray.attempt_id,
            charge_id=stray.charge_id,
            amount_minor=stray.amount.amount_minor,
            currency=stray.amount.currency,
            status=stray.status.value,
            received_at=at,
        )
        .on_conflict_do_nothing()
    )
    return added.rowcount == 1


async def _change(stray: StrayPayment, status: StrayStatus, settled_at: datetime | None, uow: UnitOfWork) -> None:
    changed = {"status": status.value, "settled_at": settled_at}
    await uow.rows.execute(update(stray_payments).where(_columns.id == stray.id).values(changed))


def _stray(row: Row[Any]) -> StrayPayment:
    return StrayPayment(
        id=row.id,
        invoice_id=row.invoice_id,
        attempt_id=row.attempt_id,
        charge_id=row.charge_id,
        amount=Money(row.amount_minor, row.currency),
        status=known_member(StrayStatus, row.status),
        refund_id=row.refund_id,
    )
