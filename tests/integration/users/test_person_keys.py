"""Personal data is stored and published encrypted, under a key that an erasure destroys."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.stack.keys import Keys
from schemas.users import PersonKeyCreated, PersonKeyDestroyed
from services.users import jobs
from services.users.app import SERVICE
from services.users.domain import User
from services.users.handlers import person_keys
from services.users.handlers.erasure import erase
from services.users.handlers.person_keys import REPEATED_FOR
from tests.integration.users.service import NOON, PASSWORD, Member, UsersService, unique_address
from waypost.kernel.ids import TenantId
from waypost.ports.person_keys import PersonKeyEvents
from waypost.postgres.event_store import EVENTS_WITH_KEY
from waypost.postgres.person_keys import PersonKeys, StoredEvent, TransactionKeys
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.sql import Sql
from waypost.testing.clock import MovableClock
from waypost.testing.database import connected
from waypost.testing.hosted import HostedService

NAME = b"Lovelace"


async def test_events_and_outbox_hide_the_person_and_the_key_comes_first(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await users.forget_password(member.tenant_id, member.email)

    stored = await payloads(users, member)
    assert len(stored) >= 4
    assert not readable(stored, member)
    sent = [(row["type"], row["payload"]) for row in await outbox(users, member.user_id)]
    assert [kind for kind, _ in sent][:2] == ["person_key.created", "user.created"]
    assert not readable([payload for kind, payload in sent if kind.startswith("user.")], member)

    profile = (await users.http.get(f"/users/{member.user_id}", headers=member.headers)).json()
    assert (profile["email"], profile["display_name"]) == (member.email, "Ada Lovelace")
    published = await users.published(member.tenant_id)
    assert member.email in {getattr(each.event, "email", None) for each in published}


async def test_an_erasure_destroys_the_key_and_its_mark_is_repeated_for_a_time(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    assert await key_of(users, member) is not None

    erased = await users.http.delete(f"/users/{member.user_id}", headers=member.headers)
    assert (erased.status_code, await key_of(users, member)) == (204, None)

    async def marks() -> int:
        return [row["type"] for row in await outbox(users, member.user_id)].count("person_key.destroyed")

    assert await marks() == 1
    for age, expected in ((timedelta(days=1), 2), (timedelta(days=5), 3), (REPEATED_FOR, 3)):  # some nights failed
        await users.pass_time(age)
        await run_cleanup(users, owner.tenant_id)
        assert await marks() == expected


async def test_a_request_that_is_repeated_after_the_erasure_has_no_second_effect(users: UsersService) -> None:
    owner = await users.open_tenant()
    email = unique_address()
    body = {"tenant_id": str(owner.tenant_id), "email": email, "password": PASSWORD, "display_name": "Ada"}

    async def sign_up() -> Any:
        return await users.http.post("/signup", json=body, headers={"idempotency-key": f"sign-up-{email}"})

    first = await sign_up()
    async with users.unit_of_work(owner.tenant_id) as uow:
        await erase(await uow.load(User, UUID(first.json()["id"])), users.clock.now(), uow)
    again = await sign_up()
    assert (again.headers.get("idempotent-replayed"), again.json()["id"]) == ("true", first.json()["id"])
    assert await users.rows(owner.tenant_id, "select 1 from credentials where email = :email", email=email) == []


class EarlierRelease(UsersService):
    """The service without encryption, on the same database."""

    def __init__(self, where: ServiceDatabase, keys: Keys) -> None:
        HostedService.__init__(self, replace(SERVICE, person_keys=None), where, clock=MovableClock(NOON))
        self._keys = keys


async def test_a_user_from_before_the_encryption_gets_a_key_with_the_next_personal_data(
    users: UsersService, keys: Keys
) -> None:
    owner = await users.open_tenant()
    earlier = EarlierRelease(users.where, keys)
    async with earlier.api() as earlier.http:
        member = await earlier.join(owner.tenant_id)
    await earlier.close()
    assert readable(await payloads(users, member), member)
    assert (
        await users.rows(member.tenant_id, "select 1 from person_keys where person_id = :id", id=member.user_id) == []
    )

    path = f"/users/{member.user_id}"
    changed = await users.http.patch(path, json={"display_name": "Ada King"}, headers=member.headers)
    assert (changed.status_code, changed.json()["email"]) == (200, member.email)
    assert await key_of(users, member) is not None
    assert b"Ada King" not in b"".join(await payloads(users, member))

    assert (await users.http.delete(path, headers=member.headers)).status_code == 204
    assert not readable(await payloads(users, member), member)


async def test_people_from_before_the_encryption_get_keys_every_night(
    users: UsersService, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await users.verified_tenant()
    earlier = EarlierRelease(users.where, keys)
    async with earlier.api() as earlier.http:
        members = [await earlier.join(owner.tenant_id) for _ in range(3)]
        invited = {"email": unique_address(), "role": "member", "locale": "en"}
        invitation = await earlier.http.post("/invitations", json=invited, headers=owner.headers)
    await earlier.close()
    people = [*(each.user_id for each in members), UUID(invitation.json()["id"])]
    leaver = members.pop()
    assert (await users.http.delete(f"/users/{leaver.user_id}", headers=leaver.headers)).status_code == 204

    monkeypatch.setattr(person_keys, "KEYS_AT_ONCE", 2)
    monkeypatch.setattr(jobs, "KEYS_AT_ONCE", 2)
    for _ in range(2):
        await run_cleanup(users, owner.tenant_id)
        query = "select key is not null as has_key from person_keys where person_id = :id"
        found = [[row["has_key"] for row in await users.rows(owner.tenant_id, query, id=each)] for each in people]
        assert found == [[True], [True], [False], [True]], "an erased person gets no key"
        sent = [[row["type"] for row in await outbox(users, each)] for each in people]
        assert [kinds.count("person_key.created") for kinds in sent] == [1, 1, 0, 1]


async def test_a_key_of_a_request_that_failed_is_not_used_later(users: UsersService) -> None:
    owner = await users.open_tenant()
    email = f"person.{uuid4().hex[:12]}@example.com"
    async with users.refusing_inserts("outbox"):
        assert (await users.sign_up(owner.tenant_id, email)).status_code == 500
    user_id = UUID((await users.sign_up(owner.tenant_id, email)).json()["id"])
    found = await users.http.get(f"/users/{user_id}", headers=owner.headers)
    assert found.json()["email"] == email
    assert (await users.http.patch(f"/users/{user_id}", json={"display_name": "Ada"}, headers=owner.headers)).is_success


async def test_two_writers_at_once_use_one_key(users: UsersService) -> None:
    owner = await users.open_tenant()
    tenant_id, person_id = TenantId(owner.tenant_id), uuid4()
    (event,) = [each.event for each in await users.published(tenant_id) if each.event.type == "user.created"]
    keys = PersonKeys(issues=PersonKeyEvents(created=PersonKeyCreated, destroyed=PersonKeyDestroyed))
    waits = asyncio.Event()

    async def write(*, first: bool) -> tuple[int, Any]:
        async with users.database.transaction([tenant_id]) as connection:
            own = TransactionKeys(connection, keys)
            now = users.clock.now()
            stored = StoredEvent(event, uuid4())
            (hidden,) = await own.storable([stored], person_id, is_new=True, at=now)
            if first:
                waits.set()
                await asyncio.sleep(0)
            return len(own.created), await own.all_readable([StoredEvent(hidden, stored.event_id)])

    one = asyncio.create_task(write(first=True))
    await waits.wait()
    other = asyncio.create_task(write(first=False))
    assert sorted([(await one)[0], (await other)[0]]) == [0, 1]
    assert (await one)[1] == (await other)[1] == [event]


async def test_a_load_reads_the_key_once_for_all_events(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await users.forget_password(member.tenant_id, member.email)
    explained = f"explain (analyze, costs off, timing off) {EVENTS_WITH_KEY}"
    async with users.database.transaction([TenantId(member.tenant_id)]) as connection:
        lines = [row[0] for row in await Sql(connection).fetch(explained, "user", member.user_id)]
    (events,) = (line for line in lines if " on events " in line)
    (key,) = (line for line in lines if " on person_keys " in line)
    assert float(events.partition("rows=")[2].split()[0]) >= 4
    assert "loops=1)" in key


async def payloads(users: UsersService, member: Member) -> Sequence[bytes]:
    query = "select payload from events where aggregate_id = :id order by version"
    return [row["payload"] for row in await users.rows(member.tenant_id, query, id=member.user_id)]


def readable(payloads: Sequence[bytes], member: Member) -> bool:
    return any(member.email.encode() in payload or NAME in payload for payload in payloads)


async def outbox(users: UsersService, aggregate_id: UUID) -> Sequence[Any]:
    query = "select headers->>'ce_type' as type, payload from outbox where key = $1 order by id"
    async with connected(users.where.relay) as relay:
        return list(await relay.fetch(query, str(aggregate_id).encode()))


async def key_of(users: UsersService, member: Member) -> bytes | None:
    query = "select key from person_keys where person_id = :id"
    (row,) = await users.rows(member.tenant_id, query, id=member.user_id)
    key: bytes | None = row["key"]
    return key


async def run_cleanup(users: UsersService, tenant_id: UUID) -> None:
    async with users.unit_of_work(tenant_id) as uow:
        await uow.jobs.enqueue("cleanup_expired")
    await users.run_jobs(tenant_id)
