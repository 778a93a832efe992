"""The charges of a tenant as the ledger has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import AttemptKind, AttemptStatus
from services.billing.domain.ledger import Account
from services.billing.handlers.exception_tables import stray_payments
from services.billing.handlers.stray_payments import StrayStatus
from services.billing.tables import payment_attempts, postings
from waypost.kernel.ids import TenantId

WINDOW = timedelta(days=35)
"""Age of the charges that are compared."""
MARGIN = timedelta(days=1)
"""Our time of a charge is that of its attempt: earlier than the provider's, by less than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedCharge:
    id: str
    invoice_id: UUID
    net_minor: int
    """The charged amount without refunds. A disputed amount is not subtracted: the provider's list
    does not subtract it either.
    """
    currency: str
    created_at: datetime
    is_undecided: bool
    """Whether a refund of it is pending."""


async def booked_charges(rows: AsyncConnection, since: datetime) -> Sequence[BookedCharge]:
    """The charges from `since` on that paid an invoice, and the stray payments."""
    attempt, posting = payment_attempts.c, postings.c
    net = (
        select(func.coalesce(func.sum(posting.amount_minor), 0))
        .where(posting.tenant_id == attempt.tenant_id, posting.invoice_id == attempt.invoice_id)
        .where(posting.account.in_([Account.CASH.value, Account.DISPUTES.value]))
        .scalar_subquery()
    )
    other = payment_attempts.alias()
    pending = exists().where(
        other.c.tenant_id == attempt.tenant_id,
        other.c.invoice_id == attempt.invoice_id,
        other.c.status == AttemptStatus.PENDING.value,
    )
    paid = select(attempt.provider_id, attempt.invoice_id, net, attempt.currency, attempt.created_at, pending).where(
        attempt.kind == AttemptKind.CHARGE.value,
        attempt.status == AttemptStatus.SUCCEEDED.value,
        attempt.created_at >= since,
    )
    stray = stray_payments.c
    # The charge is about as old as its attempt, also if its report came weeks later.
    of_attempt = and_(attempt.tenant_id == stray.tenant_id, attempt.id == stray.attempt_id)
    returned = (
        select(
            stray.charge_id,
            stray.invoice_id,
            literal(0),
            stray.currency,
            attempt.created_at,
            stray.status != StrayStatus.REFUNDED.value,
        )
        .select_from(stray_payments.join(payment_attempts, of_attempt))
        .where(stray.status != StrayStatus.APPLIED.value, stray.received_at >= since)
    )
    found = [*(await rows.execute(paid)), *(await rows.execute(returned))]
    return [
        BookedCharge(
            id=charge_id,
            invoice_id=invoice_id,
            net_minor=int(net_minor),
            currency=currency,
            created_at=created_at,
            is_undecided=is_undecided,
        )
        for charge_id, invoice_id, net_minor, currency, created_at, is_undecided in found
    ]


async def pending_attempts(rows: AsyncConnection) -> frozenset[UUID]:
    """The attempts that are not decided yet."""
    attempt = payment_attempts.c
    pending = select(attempt.id).where(attempt.status == AttemptStatus.PENDING.value)
    return frozenset((await rows.execute(pending)).scalars())


async def tenants_with_charges(rows: AsyncConnection) -> Sequence[TenantId]:
    """The tenants with charges in the window, among the bound ones."""
    attempt = payment_attempts.c
    in_window = (attempt.kind == AttemptKind.CHARGE.value, attempt.created_at >= func.now() - (WINDOW + MARGIN))
    query = select(attempt.tenant_id).where(*in_window).distinct()
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(query)).scalars()]
