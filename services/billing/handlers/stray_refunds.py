"""The provider's reports about the refund of a stray payment: by answer, look-up or webhook, and in
any order.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from services.billing.domain import AttemptKind, AttemptStatus
from services.billing.handlers import stray_payments
from services.billing.handlers.exception_tables import stray_payments as table
from services.billing.handlers.payment_exceptions import ExceptionKind, PaymentException, report_text, store_exception
from services.billing.handlers.stray_payments import StrayPayment, StrayStatus
from services.billing.ports import Decision, Declined, NoticeKind, NoticeOutcome, ProviderNotice, Reported, Succeeded
from waypost.ports.unit_of_work import UnitOfWork

ALREADY_REFUNDED = "charge_already_refunded"
"""The provider refuses a refund because the whole charge went back: the customer has the money."""
OTHER_REPORT = "report_differs"
"""The provider reported another refund than the one that was ordered; a mismatch has both."""


async def record_refund(stray_id: UUID, decision: Decision, at: datetime, uow: UnitOfWork) -> AttemptStatus | None:
    """Records the provider's decision about the refund. None if there is no such payment. A report
    of another kind or amount ends the automatic refund: an operator has to return the money.
    """
    stray = await stray_payments.lock(stray_id, uow)
    if stray is None:
        return None
    if (decision.reported is not None) and decision.reported != Reported(kind=AttemptKind.REFUND, amount=stray.amount):
        await _store_mismatch(stray, decision.reported, decision, at, uow)
        if stray.status is StrayStatus.REFUNDING:
            failed = StrayStatus.REFUND_FAILED
            await _change(stray, failed, at, uow, refund_id=decision.provider_id, failure=OTHER_REPORT)
        return AttemptStatus.DECLINED
    await _record(stray, decision, at, uow)
    return AttemptStatus.SUCCEEDED if _is_returned(decision) else AttemptStatus.DECLINED


async def record_refund_notice(stray: StrayPayment, notice: ProviderNotice, at: datetime, uow: UnitOfWork) -> bool:
    """Records a refund of the whole charge that was made at the provider, or its failure. The
    caller holds the invoice's lock. Returns False for a notice that the payment does not explain.
    """
    current = await stray_payments.lock(stray.id, uow)
    if current is None or notice.kind is not NoticeKind.REFUND or notice.amount != current.amount:
        return False
    if notice.outcome is NoticeOutcome.FAILED and notice.provider_id != current.refund_id:
        return False
    await _record(current, notice.decision, at, uow)
    return True


async def _record(stray: StrayPayment, decision: Decision, at: datetime, uow: UnitOfWork) -> None:
    status = StrayStatus.REFUNDED if _is_returned(decision) else StrayStatus.REFUND_FAILED
    if not _may_become(status, stray, decision):
        return
    failure = decision.reason if isinstance(decision, Declined) and not _is_returned(decision) else None
    await _change(stray, status, at, uow, refund_id=decision.provider_id, failure=failure)


async def _change(
    stray: StrayPayment,
    status: StrayStatus,
    at: datetime,
    uow: UnitOfWork,
    *,
    refund_id: str | None = None,
    failure: str | None,
) -> None:
    values = {
        "status": status.value,
        "refund_id": refund_id or stray.refund_id,
        "failure": failure,
        "settled_at": at,
    }
    await uow.rows.execute(update(table).where(table.c.id == stray.id).values(values))


def _is_returned(decision: Decision) -> bool:
    return isinstance(decision, Succeeded) or decision.reason == ALREADY_REFUNDED


def _may_become(status: StrayStatus, stray: StrayPayment, decision: Decision) -> bool:
    """A refund may fail after it succeeded, and never succeeds after it failed: a success of the
    same refund came late. A success of another refund returns the money.
    """
    is_the_same = decision.provider_id is not None and decision.provider_id == stray.refund_id
    match stray.status:
        case StrayStatus.HELD | StrayStatus.REFUNDING:
            return True
        case StrayStatus.REFUNDED:
            return status is StrayStatus.REFUND_FAILED and is_the_same
        case StrayStatus.REFUND_FAILED:
            return status is StrayStatus.REFUNDED and not is_the_same
        case StrayStatus.APPLIED:
            return False


async def _store_mismatch(
    stray: StrayPayment, reported: Reported, decision: Decision, at: datetime, uow: UnitOfWork
) -> None:
    (tenant_id,) = uow.tenants
    difference = PaymentException(
        kind=ExceptionKind.MISMATCH,
        provider_id=decision.provider_id or "",
        invoice_id=stray.invoice_id,
        attempt_id=stray.attempt_id,
        expected=f"refund of {stray.amount}",
        reported=report_text(reported, decision),
        detail="the refund of a stray payment differs from its order",
    )
    await store_exception(difference, tenant_id, at, uow)
