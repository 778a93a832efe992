"""The nightly clean-up maintains the keys of people, part by part."""

from uuid import UUID

import pytest

from infra.stack.keys import Keys
from services.users.handlers import key_marks
from services.users.jobs import SCHEDULE
from tests.integration.users.service import UsersService, unique_address
from tests.integration.users.test_person_keys import EarlierRelease, key_of, outbox, run_cleanup
from waypost.kernel.ids import TenantId
from waypost.postgres.tenancy import bind_statement
from waypost.testing.database import connected


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

    monkeypatch.setattr(key_marks, "KEYS_AT_ONCE", 2)
    for _ in range(2):
        await run_cleanup(users, owner.tenant_id)
        query = "select key is not null as has_key from person_keys where person_id = :id"
        found = [[row["has_key"] for row in await users.rows(owner.tenant_id, query, id=each)] for each in people]
        assert found == [[True], [True], [False], [True]], "an erased person gets no key"
        sent = [[row["type"] for row in await outbox(users, each)] for each in people]
        assert [kinds.count("person_key.created") for kinds in sent] == [1, 1, 0, 1]


def test_nights_without_workers_do_not_pile_up() -> None:
    assert [scheduled.job for scheduled in SCHEDULE if scheduled.skip_if_queued] == ["cleanup_expired"]


async def test_marks_are_repeated_in_parts_with_a_transaction_each(
    users: UsersService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction for all of them would exceed its time limit after a day of many erasures."""
    owner = await users.open_tenant()
    members = [await users.join(owner.tenant_id) for _ in range(3)]
    for each in members:
        assert (await users.http.delete(f"/users/{each.user_id}", headers=each.headers)).status_code == 204
    async with connected(users.where.relay) as relay:
        newest = await relay.fetchval("select max(id) from outbox")

    monkeypatch.setattr(key_marks, "KEYS_AT_ONCE", 1)
    await run_cleanup(users, owner.tenant_id)
    marks = "select xmin::text from outbox where id > $1 and headers->>'ce_type' = 'person_key.destroyed'"
    async with connected(users.where.relay) as relay:
        transactions = [row["xmin"] for row in await relay.fetch(marks, newest)]
    assert (len(transactions), len(set(transactions))) == (3, 3)


async def test_a_key_that_an_earlier_release_left_is_destroyed_and_no_other(
    users: UsersService, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a rolling upgrade, an earlier process erases a user or ends an invitation whose key
    the clean-up has created.
    """
    owner = await users.verified_tenant()
    earlier = EarlierRelease(users.where, keys)
    async with earlier.api() as earlier.http:
        stays, leaves = [await earlier.join(owner.tenant_id) for _ in range(2)]
        open_one, ended = [
            (await earlier.http.post("/invitations", json=invited, headers=owner.headers)).json()["id"]
            for invited in ({"email": unique_address(), "role": "member", "locale": "en"} for _ in range(2))
        ]
        await run_cleanup(users, owner.tenant_id)
        left = await earlier.http.delete(f"/users/{leaves.user_id}", headers=leaves.headers)
        revoked = await earlier.http.delete(f"/invitations/{ended}", headers=owner.headers)
        assert (left.status_code, revoked.status_code) == (204, 204)
    await earlier.close()
    assert await key_of(users, leaves) is not None
    async with connected(users.where.owner) as rows, rows.transaction():
        await rows.execute(bind_statement([TenantId(owner.tenant_id)]))
        lost = await rows.execute("delete from accounts.users where user_id = $1", stays.user_id)
    assert lost == "DELETE 1"

    monkeypatch.setattr(key_marks, "KEYS_AT_ONCE", 2)
    await run_cleanup(users, owner.tenant_id)
    query = "select person_id, key is not null as has_key from person_keys"
    found = {row["person_id"]: row["has_key"] for row in await users.rows(owner.tenant_id, query)}
    living, gone = (owner.user_id, stays.user_id, UUID(open_one)), (leaves.user_id, UUID(ended))
    assert found == {**dict.fromkeys(living, True), **dict.fromkeys(gone, False)}
    for each in gone:
        assert [row["type"] for row in await outbox(users, each)][-1] == "person_key.destroyed"
