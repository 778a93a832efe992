"""After the erasure of many people nothing of them is found: in no table of three databases, in no
record of a topic, in no log and no trace. A replay and a rebuild restore nothing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infra.demo.erasure_search import search_tables, search_topics
from infra.stack.keys import Keys
from services.billing.app import SERVICE as BILLING
from services.billing.commands import AddLine, CreateInvoice, FinalizeInvoice
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.notifications.projections import PERSON_KEY_ROWS, RECIPIENT_DIRECTORY
from services.users.app import SERVICE as USERS
from services.users.projections import BILLED
from tests.fixtures.spans import spans
from tests.integration.users.projections import has_read_all, rebuilt
from tests.integration.users.service import PASSWORD, UsersService
from waypost.hosting.service import Service
from waypost.kernel.ids import new_id
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.retention import prune_stored_responses
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually
from waypost.testing.hosted import HostedService, hosted
from waypost.testing.kafka import Broker

__all__ = ["spans"]

PEOPLE = 12

_KEYS = "select count(*) from person_keys.person_keys where key is not null"


@pytest.fixture
def rate_limiting() -> bool:
    return False


@pytest.mark.timeout(180)
async def test_nothing_of_the_erased_is_found_and_a_rebuild_restores_nothing(
    users: UsersService,
    database: Databases,
    own_kafka: Broker,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    spans: InMemorySpanExporter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mark = f"zq{uuid4().hex[:10]}"
    owner = await users.verified_tenant()
    people = await sign_up(users, owner.tenant_id, mark)
    async with three_services(users, database, own_kafka) as (own, billing, notifications):
        hosts = (own, billing, notifications)
        async with AsyncExitStack() as early:  # before any key arrives
            await early.enter_async_context(own.relaying())
            await early.enter_async_context(notifications.consuming("recipients"))
            await eventually(lambda: waits_for_keys(notifications), deadline_seconds=30)
        async with running(hosts):
            await eventually(lambda: count(notifications, owner.tenant_id, RECIPIENTS, mark), deadline_seconds=40)
            await eventually(lambda: count(billing, owner.tenant_id, CUSTOMERS, mark), deadline_seconds=40)
            await invoice(billing, owner.tenant_id, people[0], mark)
            await eventually(lambda: has_an_overview(own, owner.tenant_id), deadline_seconds=40)
            invited = await invite(users, owner.headers, f"{mark}.guest@example.com")
            await users.http.delete(f"/invitations/{invited}", headers=owner.headers)
            assert await found_in_tables(hosts, owner.tenant_id, mark) != {}, "the search finds what is there"
            assert await found_in_topics(own_kafka.bootstrap, mark) == {}
            for projection in (PERSON_KEY_ROWS, RECIPIENT_DIRECTORY):  # the replaced tables are found nowhere later
                assert await rebuilt(notifications, projection, own_kafka.bootstrap) == (True, True)
            assert await rebuilt(own, BILLED, own_kafka.bootstrap) == (True, True)
            assert await has_an_overview(own, owner.tenant_id)
            async with notifications.consuming("notices"):
                await erase_all(users, owner.tenant_id, people, mark)
                await eventually(lambda: all_erased(notifications, billing, owner.tenant_id), deadline_seconds=60)
                await eventually(lambda: has_read_all(notifications, "notices", own_kafka.bootstrap))
                await eventually(lambda: has_read_all(own, BILLED.name, own_kafka.bootstrap))
        responses = await found_in_tables(hosts, owner.tenant_id, mark)
        assert responses == {"users public.idempotency_keys": PEOPLE}, "they are kept for their retention"
        await prune_stored_responses(own.runtime.database, timedelta())
        assert await found_in_tables(hosts, owner.tenant_id, mark) == {}
        assert await found_in_topics(own_kafka.bootstrap, mark) == {}
        recorded = [span.to_json() for span in spans.get_finished_spans()]
        assert any(str(people[0]) in span for span in recorded), "the spans of the erased were recorded"
        assert [span for span in recorded if mark in span] == []
        printed = capsys.readouterr()
        logged = printed.out + printed.err
        assert any(str(person) in logged for person in people), "the logs were read"
        assert mark not in logged

        for host, projection in ((notifications, RECIPIENT_DIRECTORY), (own, BILLED)):
            assert await rebuilt(host, projection, own_kafka.bootstrap) == (True, True)
        assert not await has_an_overview(own, owner.tenant_id)
        assert await found_in_tables(hosts, owner.tenant_id, mark) == {}


RECIPIENTS = "select count(*) as n from recipients where email like :mark"
CUSTOMERS = "select count(*) as n from customers where email like :mark"


async def sign_up(users: UsersService, tenant_id: UUID, mark: str) -> Sequence[UUID]:
    people = []
    for number in range(PEOPLE):
        body = {
            "tenant_id": str(tenant_id),
            "email": f"{mark}.{number}@example.com",
            "password": PASSWORD,
            "display_name": f"{mark} {number}",
        }
        headers = {"idempotency-key": f"sign-up-{mark}-{number}"}
        user_id = UUID((await users.http.post("/signup", json=body, headers=headers)).json()["id"])
        verified = await users.verify(await users.mailed_token(tenant_id, user_id))
        assert verified.status_code == 200, verified.text
        people.append(user_id)
    return people


async def erase_all(users: UsersService, tenant_id: UUID, people: Sequence[UUID], mark: str) -> None:
    for number, person in enumerate(people):
        session = await users.log_in(tenant_id, f"{mark}.{number}@example.com")
        assert session.status_code == 200, session.text
        headers = {"authorization": f"Bearer {session.json()['access_token']}"}
        if number == 0:
            await export(users, tenant_id, person, headers, mark)
        erased = await users.http.delete(f"/users/{person}", headers=headers)
        assert erased.status_code == 204, erased.text


async def export(users: UsersService, tenant_id: UUID, person: UUID, headers: Mapping[str, str], mark: str) -> None:
    assert (await users.http.post(f"/users/{person}/export", headers=headers)).status_code == 202
    await users.run_jobs(tenant_id)
    assert mark in (await users.http.get(f"/users/{person}/export/file", headers=headers)).text


async def has_an_overview(users: HostedService, tenant_id: UUID) -> bool:
    return bool(await users.rows(tenant_id, "select 1 from billed_invoices"))


async def invite(users: UsersService, headers: Mapping[str, str], email: str) -> str:
    body = {"email": email, "role": "member", "locale": "en"}
    answer = await users.http.post("/invitations", json=body, headers=headers)
    assert answer.is_success, answer.text
    invitation_id: str = answer.json()["id"]
    return invitation_id


async def invoice(billing: HostedService, tenant_id: UUID, customer_id: UUID, mark: str) -> None:
    """An invoice whose line names the person."""
    invoice_id, at = new_id(), billing.clock.now()
    await billing.handle(
        CreateInvoice(invoice_id=invoice_id, customer_id=customer_id, currency="EUR", at=at), tenant_id
    )
    line = AddLine(
        invoice_id=invoice_id,
        line_id=new_id(),
        description=f"Lesson for {mark}",
        quantity=1,
        unit_amount_minor=1000,
        at=at,
    )
    await billing.handle(line, tenant_id)
    await billing.handle(FinalizeInvoice(invoice_id=invoice_id, at=at), tenant_id)


@asynccontextmanager
async def three_services(
    users: UsersService, database: Databases, broker: Broker
) -> AsyncIterator[tuple[HostedService, HostedService, HostedService]]:
    async with AsyncExitStack() as stack:

        async def opened(service: Service, where: ServiceDatabase) -> HostedService:
            return await stack.enter_async_context(hosted(service, where, bootstrap=broker.bootstrap))

        own = await opened(USERS, users.where)
        billing = await opened(BILLING, await database("billing"))
        yield own, billing, await opened(NOTIFICATIONS, await database("notifications"))


@asynccontextmanager
async def running(hosts: Sequence[HostedService]) -> AsyncIterator[None]:
    """The relays, and the consumers of events of users and of invoices except the notices, which
    need the rows of the others.
    """
    wanted = (
        "person_keys",
        "tenants",
        "customers",
        "principals",
        "recipients",
        "invoices",
        "invoice_lines",
        "overview",
    )
    async with AsyncExitStack() as stack:
        for host in hosts:
            await stack.enter_async_context(host.relaying())
            for consumer in host.service.consumers:
                if consumer.name in wanted:
                    await stack.enter_async_context(host.consuming(consumer.name))
        yield


async def waits_for_keys(notifications: HostedService) -> bool:
    async with connected(notifications.where.ops) as ops:
        rows = await ops.fetch(
            "select error_class, error from dead_letters where consumer = 'notifications.recipients'"
        )
    assert {row["error_class"] for row in rows} <= {"NotYet"}
    return len([row for row in rows if row["error_class"] == "NotYet"]) > 0


async def count(host: HostedService, tenant_id: UUID, query: str, mark: str) -> bool:
    (row,) = await host.rows(tenant_id, query, mark=f"{mark}%")
    return bool(row["n"] == PEOPLE)


async def all_erased(notifications: HostedService, billing: HostedService, tenant_id: UUID) -> bool:
    """Every consumer has handled the erasures, and no record waits."""
    (recipients,) = await notifications.rows(
        tenant_id, "select count(*) as n from recipients where status = 'erased' and email = ''"
    )
    (customers,) = await billing.rows(tenant_id, "select count(*) as n from customers where erased")
    for host in (notifications, billing):
        async with connected(host.where.ops) as ops:
            if await ops.fetchval("select count(*) from parked_keys"):
                return False
        async with connected(host.where.owner) as owner:
            await owner.execute("select set_config('app.tenants', $1, false)", str(tenant_id))
            if await owner.fetchval(_KEYS) != 1:  # that of the tenant's owner
                return False
    return bool(recipients["n"] == customers["n"] == PEOPLE)


async def found_in_tables(hosts: Sequence[HostedService], tenant_id: UUID, mark: str) -> Mapping[str, int]:
    """The number of rows with the text or its bytes, by table."""
    return (await search_tables({host.service.name: host.where.owner for host in hosts}, tenant_id, mark)).found


async def found_in_topics(bootstrap: str, mark: str) -> Mapping[str, int]:
    """The number of records with the text in the key, the value or a header, by topic."""
    topics = await search_topics(bootstrap, [topic.name for topic in declared_topics()], mark)
    assert topics.searched > 3 * PEOPLE, "the topics were read"
    return topics.found
