"""A replay of the users service's events changes nothing in billing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from schemas.users import UserCreated, UserEmailChanged, UserErased, UserProfileUpdated
from services.billing.app import SERVICE
from tests.fixtures.replay_check import ReplayCheck
from tests.integration.billing.service import BillingService, Company
from tests.integration.infra.payments import charges
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually
from waypost.testing.hosted import hosted
from waypost.testing.kafka import Broker


async def test_a_full_replay_changes_and_charges_nothing(billing: BillingService, own_kafka: Broker) -> None:
    ada = Company(billing, TenantId(uuid4()))
    leaver = Company(billing, ada.tenant_id)
    history = [*changes_of(ada), *end_of(leaver)]
    erasure = history[-1]
    async with hosted(SERVICE, billing.where, bootstrap=own_kafka.bootstrap) as service:
        check = ReplayCheck(SERVICE, billing.where, own_kafka.bootstrap)
        async with service.consuming("customers"):
            await service.publish(*history[:-1])
            await eventually(lambda: check.has_processed_all(history[:-1]), deadline_seconds=40)
            for company in (ada, leaver):
                await company.attach_card()
            async with billing.working():
                await ada.becomes(await ada.finalized(14_800), status="paid")
                await leaver.becomes(await leaver.finalized(50), status="paid")
            await leaver.begin_charge(await leaver.finalized(25))
            await service.publish(erasure)
            await eventually(lambda: check.has_processed_all(history), deadline_seconds=40)
    assert (await ada.get(f"/customers/{ada.customer_id}"))["display_name"] == "Ada King"
    assert (await ada.get(f"/customers/{leaver.customer_id}"))["erased"]

    await check.changes_nothing(ada.tenant_id, history)
    assert len(await charges(billing.payments)) == 2


def changes_of(company: Company) -> Sequence[Envelope[Any]]:
    who: dict[str, Any] = {"tenant_id": company.tenant_id, "user_id": company.customer_id}
    now = company.billing.runtime.clock.now()
    return lived(
        company.customer_id,
        created(company),
        UserProfileUpdated(**who, display_name="Ada Byron", locale="en", updated_at=now),
        UserEmailChanged(**who, email="ada@example.org", previous_email="ada@example.com", changed_at=now),
        UserProfileUpdated(**who, display_name="Ada King", locale="en", updated_at=now),
    )


def end_of(company: Company) -> Sequence[Envelope[Any]]:
    now = company.billing.runtime.clock.now()
    gone = UserErased(tenant_id=company.tenant_id, user_id=company.customer_id, erased_at=now)
    return lived(company.customer_id, created(company), gone)


def lived(user_id: UUID, *events: Event) -> Sequence[Envelope[Any]]:
    return [envelope_of(event, user_id, version) for version, event in enumerate(events, start=1)]


def created(company: Company) -> UserCreated:
    return UserCreated(
        tenant_id=company.tenant_id,
        user_id=company.customer_id,
        email="ada@example.com",
        display_name="Ada Lovelace",
        role="member",
        locale="en",
        created_at=company.billing.runtime.clock.now(),
    )
