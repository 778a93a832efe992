"""What billing does when the users service's events are given to it once more: nothing that costs anybody anything."""

from uuid import uuid4

from schemas.users import UserCreated
from services.billing.app import SERVICE
from services.billing.handlers.customers import CUSTOMERS
from shared.engine.rate import Rate
from shared.engine.replay import Selection
from shared.hosting.replaying import opened_replay
from shared.kernel.ids import TenantId
from shared.kernel.mandate import Mandate
from tests.fixtures.envelopes import enveloped
from tests.fixtures.eventually import eventually
from tests.fixtures.hosted import hosted
from tests.fixtures.kafka import Broker
from tests.integration.billing.service import BillingService, Company
from tests.integration.infra.payments import charges

MANDATE = Mandate(operator="grace", reason="customers are said to be missing")


async def test_nobody_is_charged_twice(billing: BillingService, own_kafka: Broker) -> None:
    company = Company(billing, TenantId(uuid4()))
    service = await hosted(SERVICE, billing.where, own_kafka.bootstrap)
    await service.publish(enveloped(created(company), company.customer_id))
    async with service.consuming("customers"):
        await eventually(lambda: company.rows("select 1 from customers"), deadline_seconds=40)
    await service.foundation.database.close()
    await company.attach_card()
    async with billing.working():
        invoice_id = await company.finalized(14_800)
        await company.becomes(invoice_id, status="paid")
        before, told = await company.stored(), await company.event_types(invoice_id)

        async with opened_replay(SERVICE, CUSTOMERS, dsn=billing.where.app, bootstrap=own_kafka.bootstrap) as replay:
            redelivered = await replay.deliver(await replay.find(Selection()), MANDATE, rate=Rate())

        assert (redelivered.delivered, redelivered.failures) == (1, [])
        await eventually(lambda: nothing_waits(company), deadline_seconds=20)
    assert await company.stored() == before
    assert await company.event_types(invoice_id) == told
    assert len(await charges(billing.payments)) == 1


async def nothing_waits(company: Company) -> bool:
    return await company.rows("select 1 from jobs") == []


def created(company: Company) -> UserCreated:
    return UserCreated(
        tenant_id=company.tenant_id,
        user_id=company.customer_id,
        email="ada@example.com",
        display_name="Ada Lovelace",
        role="member",
        locale="en",
        created_at=company.billing.foundation.clock.now(),
    )
