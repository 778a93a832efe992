"""Every store of a service's state behind one interface, for the behaviour suites."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.club import Club, club, migrate, opened
from tests.fixtures.club.runtime import write_path
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.clock import SystemClock
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.memory.consumer_transaction import MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitsOfWork
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.unit_of_work import PostgresUnitsOfWork
from waypost.testing.database import Databases

CLUB = club("users.user")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUnderTest:
    units: UnitsOfWork
    transactions: Callable[[str], ConsumerTransactions]
    """Transactions of the consumer with that name, on the same state."""


class Person(Aggregate):
    aggregate_type = "user"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - the base's word
        super().__init__(id, tenant_id)
        self.names: list[str] = []

    def apply(self, event: Event) -> None:
        assert isinstance(event, CLUB.created | CLUB.updated)
        self.names.append(event.display_name)

    def is_called(self, name: str) -> None:
        self.record(event_of(CLUB, self, name))


def event_of(own: Club, person: Person, name: str) -> Event:
    """Creates the user, then renames it."""
    at = datetime.now(UTC)
    common: dict[str, Any] = {"tenant_id": person.tenant_id, "user_id": person.id, "display_name": name, "locale": "en"}
    if person.version == 0:
        return own.created(**common, email="a@example.com", role="member", created_at=at)
    return own.updated(**common, updated_at=at)


@pytest.fixture
def in_memory() -> ServiceUnderTest:
    database = MemoryDatabase()
    units = MemoryUnitsOfWork(database, "club", SystemClock())
    return ServiceUnderTest(
        units=units, transactions=lambda name: MemoryConsumerTransactions(database, units, name=name)
    )


@pytest.fixture
async def on_postgres(database: Databases) -> AsyncIterator[ServiceUnderTest]:
    async with opened((await database("club", migrate)).app) as pool:
        units = PostgresUnitsOfWork(pool, write_path(CLUB))
        nobody = Reactor("nobody", {})
        yield ServiceUnderTest(
            units=units, transactions=lambda name: PostgresConsumerTransactions(pool, units, nobody, name=name)
        )


@pytest.fixture(params=["in_memory", "on_postgres"])
def service(request: pytest.FixtureRequest) -> ServiceUnderTest:
    found: ServiceUnderTest = request.getfixturevalue(request.param)
    return found
