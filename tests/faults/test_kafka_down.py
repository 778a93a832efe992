"""Every broker is down (row 20 of the fault matrix): the APIs answer as before, because a request
neither calls Kafka nor waits for it. Once it is back, every event is published in order, and no
person acts.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.faults.storm.evidence import SeenRecord
from tests.faults.storm.sources.topics import records
from tests.fixtures.backend_processes import SERVICES, BackendProcesses, backend_processes
from tests.integration.users.service import PASSWORD, unique_address
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker

ROUNDS = 5
WAIT_SECONDS = 60

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
async def backend(
    own_kafka: Broker, database: Databases, postgres: str, tmp_path: Path
) -> AsyncIterator[BackendProcesses]:
    databases = {service: await database(service) for service in SERVICES}
    async with backend_processes(own_kafka, databases, postgres, tmp_path) as made:
        yield made


@asynccontextmanager
async def killed(kafka: Broker) -> AsyncIterator[None]:
    await kafka.kill()
    yield
    await kafka.start()


@asynccontextmanager
async def frozen(kafka: Broker) -> AsyncIterator[None]:
    """Its connections stay open, new ones are accepted, and nothing is answered."""
    kafka.pause()
    yield
    kafka.resume()


Outage = Callable[[Broker], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize(
    ("outage", "repeats"),
    [
        pytest.param(killed, False, id="killed"),
        # The broker stores what it received before it froze, and the relay does not know.
        pytest.param(frozen, True, id="frozen"),
    ],
)
async def test_requests_succeed_while_kafka_is_down_and_events_are_published_later(
    backend: BackendProcesses, own_kafka: Broker, outage: Outage, *, repeats: bool
) -> None:
    expected = await write(backend)
    assert {answer.status for answer in expected} <= {200, 201}
    await eventually(lambda: all_is_published(backend), deadline_seconds=WAIT_SECONDS)

    async with outage(own_kafka):
        for _ in range(ROUNDS):
            assert await write(backend) == expected
        await eventually(lambda: workers_are_unready(backend), deadline_seconds=WAIT_SECONDS)
        assert await write(backend) == expected
        apis = (backend.users, backend.billing, backend.notifications)
        assert [(await api.get("/readyz")).status_code for api in apis] == [200, 200, 200]
        assert not await all_is_published(backend)
    assert await write(backend) == expected

    await eventually(lambda: all_is_published(backend), deadline_seconds=WAIT_SECONDS)

    async def each_event_is_published_in_order() -> bool:
        await assert_each_event_is_published_in_order(backend, await records(own_kafka.bootstrap), repeats=repeats)
        return True

    # Reactions to the last events may still store further ones.
    await eventually(each_event_is_published_in_order, deadline_seconds=WAIT_SECONDS)
    await eventually(lambda: everyone_is_a_customer(backend, people=1 + ROUNDS + 3), deadline_seconds=WAIT_SECONDS)
    await eventually(lambda: workers_are_ready(backend), deadline_seconds=WAIT_SECONDS)
    await eventually(lambda: every_record_is_handled(backend), deadline_seconds=WAIT_SECONDS)
    assert backend.broker_of_apis.connections == 0


class Shape:
    """The facts of a response that are equal for each request of a kind."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self._facts = (response.request.method, self.status, sorted(response.json()), sorted(response.headers))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and self._facts == other._facts

    def __hash__(self) -> int:
        return hash(str(self._facts))

    def __repr__(self) -> str:
        return str(self._facts)


async def write(backend: BackendProcesses) -> Sequence[Shape]:
    """A tenant, a person with three versions, an invoice with three, and a preference."""
    tenant_id = str(backend.tenant_id)
    owner = {"email": unique_address(), "password": PASSWORD, "display_name": "Ada Lovelace"}
    opened = await backend.users.post("/tenants", json={"name": "Looms", "owner": owner})
    person = {"tenant_id": tenant_id, "email": unique_address(), "password": PASSWORD, "display_name": "Ada Lovelace"}
    signed_up = await backend.users.post("/signup", json=person)
    user = f"/users/{id_of(signed_up)}"
    renamed = await backend.users.patch(user, json={"display_name": "Ada King"})
    translated = await backend.users.patch(user, json={"locale": "de"})

    draft = {"customer_id": str(backend.owner_id), "currency": "EUR"}
    drafted = await backend.billing.post("/invoices", json=draft)
    invoice = f"/invoices/{id_of(drafted)}"
    line = {"description": "Loom", "quantity": 2, "unit_amount_minor": 12_345}
    added = await backend.billing.post(f"{invoice}/lines", json=line)
    finalized = await backend.billing.post(f"{invoice}/finalize", json={})

    chosen = await backend.notifications.put("/preferences", json={"digest": True})
    listed = await backend.notifications.get("/notifications")
    answers = (opened, signed_up, renamed, translated, drafted, added, finalized, chosen, listed)
    return [Shape(answer) for answer in answers]


def id_of(answer: httpx.Response) -> str:
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def all_is_published(backend: BackendProcesses) -> bool:
    return await backend.fetch("select 1 from outbox") == []


async def workers_are_unready(backend: BackendProcesses) -> bool:
    return [(await worker.get("/readyz")).status_code for worker in backend.workers] == [503, 503]


async def workers_are_ready(backend: BackendProcesses) -> bool:
    return [(await worker.get("/readyz")).status_code for worker in backend.workers] == [200, 200]


async def every_record_is_handled(backend: BackendProcesses) -> bool:
    """Some waited for a row or a key from another topic."""
    return {row["status"] for row in await backend.fetch("select status from dead_letters")} <= {"redriven"}


async def everyone_is_a_customer(backend: BackendProcesses, *, people: int) -> bool:
    """Each person is one customer under the last name."""
    found = (await backend.billing.get("/customers", params={"limit": 100})).json()["data"]
    names = Counter(customer["display_name"] for customer in found)
    return names == {"Grace Hopper": 1, "Ada King": people - 1}


async def assert_each_event_is_published_in_order(
    backend: BackendProcesses, published: Sequence[SeenRecord], *, repeats: bool
) -> None:
    """In a topic, the versions of each key begin with 1 and have no gap."""
    stored = Counter(row["event_id"] for row in await backend.fetch("select event_id from events"))
    seen = Counter(record.event_id for record in published)
    assert seen.keys() == stored.keys()
    assert repeats or seen == stored
    versions: dict[tuple[str, str], dict[int, None]] = defaultdict(dict)
    for record in published:
        versions[record.topic, record.key].setdefault(record.version)
    for key, in_order in versions.items():
        assert list(in_order) == list(range(1, len(in_order) + 1)), key
