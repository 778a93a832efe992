"""Reports of the provider that cannot be recorded as they are. Each is one row, however often it is
repeated: operators see it under `/ops/payment-exceptions`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.billing.domain import PaymentAttempt
from services.billing.handlers.exception_tables import payment_exceptions
from services.billing.ports import Decision, NoticeOutcome, ProviderNotice, Reported, Succeeded
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork
from waypost.telemetry import metrics

log = structlog.get_logger()

NO_TENANT = TenantId(UUID(int=0))
"""The tenant of reports that match no charge of any tenant. No user belongs to it."""

_NAMESPACE = UUID("5b0f5a4e-0b1f-5d0e-9a55-2f9a7d1c6f10")


class ExceptionKind(StrEnum):
    MISMATCH = "mismatch"
    """Amount, currency or kind differs from the attempt's; the attempt stays pending."""
    UNMATCHED = "unmatched"
    """It belongs to no charge of any tenant."""
    NOT_BOOKABLE = "not_bookable"
    """The invoice does not allow it, for example a refund of more than was paid."""
    DIFFERENCE = "difference"
    """The ledger and the provider's list differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentException:
    kind: ExceptionKind
    provider_id: str
    reported: str
    """The provider's report, as text."""
    expected: str | None = None
    detail: str = ""
    invoice_id: UUID | None = None
    attempt_id: UUID | None = None
    identity: str | None = None
    """The text that is the same for two equal reports; `reported` by default."""

    @property
    def id(self) -> UUID:
        """The same for each repetition of the report."""
        identity = self.reported if self.identity is None else self.identity
        return uuid5(_NAMESPACE, f"{self.kind} {self.provider_id} {self.attempt_id} {identity} {self.detail}")


async def store_exception(found: PaymentException, tenant_id: TenantId, at: datetime, uow: UnitOfWork) -> bool:
    """Returns whether the exception is new."""
    stored = await uow.rows.execute(
        insert(payment_exceptions)
        .values(
            tenant_id=tenant_id,
            id=found.id,
            kind=found.kind.value,
            provider_id=found.provider_id,
            invoice_id=found.invoice_id,
            attempt_id=found.attempt_id,
            expected=found.expected,
            reported=found.reported,
            detail=found.detail,
            found_at=at,
        )
        .on_conflict_do_nothing()
    )
    if stored.rowcount != 1:
        return False
    metrics.PAYMENT_EXCEPTIONS.labels(found.kind.value).inc()
    log.error("payment_exception_found", kind=found.kind.value, exception_id=str(found.id), detail=found.detail)
    return True


def mismatch(attempt: PaymentAttempt, decision: Decision) -> PaymentException | None:
    """The difference between an attempt and what the provider reports about it."""
    reported = decision.reported
    if reported is None or (reported.kind, reported.amount) == (attempt.kind, attempt.amount):
        return None
    return PaymentException(
        kind=ExceptionKind.MISMATCH,
        provider_id=decision.provider_id or "",
        invoice_id=attempt.invoice_id,
        attempt_id=attempt.id,
        expected=f"{attempt.kind} of {attempt.amount}",
        reported=report_text(reported, decision),
        detail="the provider's report differs from the order",
    )


def report_text(reported: Reported, decision: Decision) -> str:
    """The report with its outcome, as in the exception of a notice. A refund that fails after it
    succeeded is another report.
    """
    outcome = NoticeOutcome.SUCCEEDED if isinstance(decision, Succeeded) else NoticeOutcome.FAILED
    return f"{reported.kind} of {reported.amount}, {outcome}"


async def has_mismatch(provider_id: str, uow: UnitOfWork) -> bool:
    """Whether a mismatch names the provider's charge or refund, resolved or not."""
    columns = payment_exceptions.c
    named = select(columns.id).where(columns.provider_id == provider_id, columns.kind == ExceptionKind.MISMATCH.value)
    return (await uow.rows.execute(named.limit(1))).first() is not None


def not_bookable(notice: ProviderNotice, invoice_id: UUID | None, detail: str) -> PaymentException:
    return _of_notice(ExceptionKind.NOT_BOOKABLE, notice, invoice_id, detail)


def unmatched(notice: ProviderNotice) -> PaymentException:
    return _of_notice(ExceptionKind.UNMATCHED, notice, None, f"there is no charge {notice.charge_id}")


def _of_notice(kind: ExceptionKind, notice: ProviderNotice, invoice_id: UUID | None, detail: str) -> PaymentException:
    return PaymentException(
        kind=kind,
        provider_id=notice.provider_id,
        invoice_id=invoice_id,
        attempt_id=notice.attempt_id,
        reported=f"{notice.kind} of {notice.amount}, {notice.outcome}",
        detail=detail,
    )
