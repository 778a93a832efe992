"""Command and event handlers that need no tables, on the in-memory ports."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from schemas.billing import CustomerCreated
from schemas.users import UserCreated
from services.billing.handlers import COMMANDS, CONSUMERS
from services.billing.handlers.customers import open_customer
from tests.unit.billing.invoices import NOW
from waypost.engine.bus import Bus
from waypost.kernel.cause import current_cause
from waypost.kernel.clock import SystemClock
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork

TENANT = TenantId(uuid4())
ADA = uuid4()


class Billing:
    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.bus = Bus(MemoryUnitsOfWork(self.database, "billing", SystemClock()), COMMANDS)

    async def open(self, event: UserCreated) -> None:
        envelope = Envelope(
            event=event,
            event_id=EventId(new_id()),
            tenant_id=TENANT,
            aggregate_id=ADA,
            aggregate_version=1,
            occurred_at=NOW,
            source="/services/users",
            cause=current_cause(),
        )
        async with self.bus.units.begin() as uow:
            await open_customer(envelope, uow)

    @property
    def published(self) -> list[Event]:
        return [envelope.event for envelope in self.database.published]


@pytest.fixture
def billing() -> Iterator[Billing]:
    with bound_tenants([TENANT]):
        yield Billing()


async def test_a_user_becomes_a_customer_of_the_same_id(billing: Billing) -> None:
    await billing.open(ada())
    assert billing.published == [
        CustomerCreated(
            tenant_id=TENANT,
            customer_id=ADA,
            email="ada@example.com",
            display_name="Ada",
            locale="en",
            created_at=NOW,
        )
    ]


def test_consumer_names_are_unique() -> None:
    names = [consumer.name for consumer in CONSUMERS]
    assert len(set(names)) == len(names) > 0


def ada() -> UserCreated:
    return UserCreated(
        tenant_id=TENANT,
        user_id=ADA,
        email="ada@example.com",
        display_name="Ada",
        role="member",
        locale="en",
        created_at=NOW,
    )
