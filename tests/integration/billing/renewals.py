"""Renewals and erasures, as a job and a reactor make them."""

from datetime import datetime
from uuid import UUID

from schemas.users import UserErased
from services.billing.commands import RenewSubscription
from tests.integration.billing.service import Company, Row
from tests.integration.billing.subscriptions import seen


async def renew(company: Company, subscription: Row, at: str | None = None) -> bool:
    """Renews at that moment, or at the end of the period."""
    moment = datetime.fromisoformat(at or (await seen(company, subscription))["period_end"])
    return await company.handle(RenewSubscription(subscription_id=UUID(subscription["id"]), at=moment))


async def erase(company: Company) -> None:
    at = company.billing.runtime.clock.now()
    await company.react(
        UserErased(tenant_id=company.tenant_id, user_id=company.customer_id, erased_at=at), company.customer_id, 2
    )
