"""What is told once more is mailed to nobody twice."""

from datetime import datetime

from schemas.billing import InvoiceFinalized
from schemas.users import TenantCreated
from services.notifications.app import SERVICE
from shared.engine.rate import Rate
from shared.engine.replay import Redelivered, Selection
from shared.hosting.replaying import opened_replay
from shared.kernel.ids import new_id
from shared.kernel.mandate import Mandate
from tests.fixtures.envelopes import enveloped
from tests.fixtures.eventually import eventually
from tests.fixtures.hosted import Hosted, hosted
from tests.fixtures.kafka import Broker
from tests.integration.notifications.service import NOTICES, NotificationsService, Person

MANDATE = Mandate(operator="grace", reason="Ada says she got no mail")


def finalized(ada: Person, at: datetime) -> InvoiceFinalized:
    return InvoiceFinalized(
        tenant_id=ada.tenant_id,
        invoice_id=new_id(),
        customer_id=ada.user_id,
        number=7,
        total_minor=24_690,
        currency="EUR",
        due_at=at,
        finalized_at=at,
    )


async def test_nobody_is_mailed_twice(notifications: NotificationsService, own_kafka: Broker) -> None:
    ada, now = Person(), notifications.clock.now()
    service = await hosted(SERVICE, notifications.where, own_kafka.bootstrap)
    tenant = TenantCreated(tenant_id=ada.tenant_id, name="Analytical Engines", created_at=now)
    invoice = finalized(ada, now)
    await service.publish(enveloped(tenant, ada.tenant_id), ada.created(now), enveloped(invoice, invoice.invoice_id))
    await taken_in(service, notifications, ada)
    await notifications.work_off(ada)
    before = await notifications.statuses(ada)
    assert before == [("invoice_finalized", "sent", None), ("welcome", "sent", None)]
    assert len(await notifications.mails(ada)) == 2

    redelivered = await replayed(notifications, own_kafka)

    assert (redelivered.delivered, redelivered.failures) == (2, [])
    await notifications.work_off(ada)
    assert await notifications.statuses(ada) == before
    assert len(await notifications.mails(ada)) == 2
    assert len(await notifications.rows(ada, "select 1 from job_results")) == 2


async def taken_in(service: Hosted, notifications: NotificationsService, ada: Person) -> None:
    async with (
        service.consuming("tenants"),
        service.consuming("recipients"),
        service.consuming("notices"),
    ):

        async def both_letters_are_queued() -> bool:
            return len(await notifications.statuses(ada)) == 2

        await eventually(both_letters_are_queued, deadline_seconds=40)
    await service.foundation.database.close()


async def replayed(notifications: NotificationsService, broker: Broker) -> Redelivered:
    async with opened_replay(SERVICE, NOTICES, dsn=notifications.where.app, bootstrap=broker.bootstrap) as replay:
        return await replay.deliver(await replay.find(Selection()), MANDATE, rate=Rate())
