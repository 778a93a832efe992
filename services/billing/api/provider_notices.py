"""Finds the tenant of a provider's notice, and records it there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing import queries
from services.billing.commands import BookNotice, RecordDecision, StoreUnmatchedNotice
from services.billing.handlers.payment_exceptions import NO_TENANT
from services.billing.ports import NoticeKind, ProviderNotice
from waypost.engine.bus import Bus
from waypost.jobs.tenant_directory import tenants_with_rows
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants


async def record_notice(notice: ProviderNotice, bus: Bus, at: datetime) -> None:
    """Our orders name their attempt. Other money is matched by its charge."""
    if await _is_recorded(notice, bus, at):
        return
    tenant_id = await _tenant_of_charge(notice.charge_id, bus)
    with bound_tenants([tenant_id or NO_TENANT]):
        await bus.handle(BookNotice(notice=notice, at=at) if tenant_id else StoreUnmatchedNotice(notice=notice, at=at))


async def _is_recorded(notice: ProviderNotice, bus: Bus, at: datetime) -> bool:
    if notice.tenant_id is None or notice.attempt_id is None or notice.kind is NoticeKind.DISPUTE:
        return False
    with bound_tenants([notice.tenant_id]):
        command = RecordDecision(attempt_id=notice.attempt_id, decision=notice.decision, at=at)
        return await bus.handle(command) is not None


async def _tenant_of_charge(charge_id: str, bus: Bus) -> TenantId | None:
    """Looks through all tenants, because the provider does not know whose charge it is."""

    async def with_the_charge(rows: AsyncConnection) -> Sequence[TenantId]:
        return await queries.tenants_of_charge(rows, charge_id)

    with bound_tenants([NO_TENANT]):
        async with bus.units.begin() as uow:
            found = await tenants_with_rows(with_the_charge)(uow.rows)
    return next(iter(found), None)
