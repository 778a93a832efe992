"""The reactor that creates the deliveries of webhooks."""

from schemas.users import TenantClosed
from services.notifications.handlers.webhook_deliveries import record_deliveries
from services.notifications.handlers.webhook_endpoints import delete_endpoints_of_tenant
from services.notifications.handlers.webhook_payloads import FIELDS
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork


async def end_webhooks(closed: Envelope[TenantClosed], uow: UnitOfWork) -> None:
    await delete_endpoints_of_tenant(closed.event.closed_at, uow)


WEBHOOK_DELIVERIES = Reactor(
    "webhooks",
    {**dict.fromkeys(FIELDS, record_deliveries), TenantClosed: end_webhooks},
    reads_personal_data=False,
)
"""Bodies contain no personal data, so that no delivery waits for the key of a person."""
