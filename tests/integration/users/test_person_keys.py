"""Personal data is stored and published encrypted, under a key that an erasure destroys."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from infra.stack.keys import Keys
from schemas.users import PersonKeyCreated, PersonKeyDestroyed
from services.users.app import SERVICE
from services.users.domain import User
from services.users.handlers.erasure import erase
from services.users.handlers.key_marks import REPEATED_FOR
from tests.integration.users.service import NOON, PASSWORD, Member, UsersService, unique_address
from waypost.kernel.ids import TenantId
from waypost.ports.person_keys import PersonKeyEvents
from waypost.postgres.database import Database
from waypost.postgres.event_store import EVENTS_WITH_KEY
from waypost.postgres.person_keys import IdentifiedEvent, ProcessKeys, TransactionKeys
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.sql import Sql
from waypost.postgres.stored_keys import PostgresStoredKeys
from waypost.testing.clock import MovableClock
from waypost.testing.database import connected
from waypost.testing.hosted import HostedService

NAME = b"Lovelace"
KEY_EVENTS = PersonKeyEvents(created=PersonKeyCreated, destroyed=PersonKeyDestroyed)


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


class Undone(Exception):
    """Rolls a transaction back."""


async def test_a_key_whose_transaction_was_rolled_back_is_not_used_later(users: UsersService) -> None:
    tenant_id, person_id = TenantId((await users.open_tenant()).tenant_id), uuid4()
    (event,) = [each.event for each in await users.published(tenant_id) if each.event.type == "user.created"]
    keys, event_id, hidden = ProcessKeys(publishes=KEY_EVENTS), uuid4(), event
    for commits in (False, True):
        with suppress(Undone):
            async with users.database.transaction([tenant_id]) as connection:
                own = TransactionKeys(connection, keys)
                (hidden,) = await own.storable(
                    [IdentifiedEvent(event, event_id)], person_id, is_new=True, at=users.clock.now()
                )
                again = TransactionKeys(connection, keys)  # which queries the key
                assert await again.all_readable([IdentifiedEvent(hidden, event_id)]) == [event]
                if not commits:
                    raise Undone
    async with users.database.transaction([tenant_id]) as connection:
        assert await TransactionKeys(connection, keys).all_readable([IdentifiedEvent(hidden, event_id)]) == [event]


async def test_two_writers_at_once_use_one_key(users: UsersService) -> None:
    owner = await users.open_tenant()
    tenant_id, person_id = TenantId(owner.tenant_id), uuid4()
    (event,) = [each.event for each in await users.published(tenant_id) if each.event.type == "user.created"]
    keys = ProcessKeys(publishes=KEY_EVENTS)
    waits = asyncio.Event()

    async def write(*, first: bool) -> tuple[int, Any]:
        async with users.database.transaction([tenant_id]) as connection:
            own = TransactionKeys(connection, keys)
            now = users.clock.now()
            stored = IdentifiedEvent(event, uuid4())
            (hidden,) = await own.storable([stored], person_id, is_new=True, at=now)
            if first:
                waits.set()
                await asyncio.sleep(0)
            return len(own.created), await own.all_readable([IdentifiedEvent(hidden, stored.event_id)])

    one = asyncio.create_task(write(first=True))
    await waits.wait()
    other = asyncio.create_task(write(first=False))
    assert sorted([(await one)[0], (await other)[0]]) == [0, 1]
    assert (await one)[1] == (await other)[1] == [event]


async def test_a_lost_topic_is_filled_from_the_table_with_the_destroyed_keys_last(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    sent = {(row["type"], row["payload"]) for row in await outbox(users, owner.user_id)}
    await users.http.delete(f"/users/{member.user_id}", headers=member.headers)
    sent |= {(row["type"], row["payload"]) for row in await outbox(users, member.user_id)}
    database = Database(users.where.owner, application_name="test-republish", pool_size=1)
    try:
        stored = PostgresStoredKeys(database, "users", KEY_EVENTS, SERVICE.codec)
        assert await stored.count() == 2
        records = [each.record for chunk in [chunk async for chunk in stored.all(1)] for each in chunk]
    finally:
        await database.close()
    found = [(dict(record.headers)["ce_type"].decode(), record.value) for record in records]
    assert [kind for kind, _ in found] == ["person_key.created", "person_key.destroyed"]
    assert set(found) <= sent, "the same bytes as at first"


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
