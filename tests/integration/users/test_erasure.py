"""Erasure of a user."""

from uuid import UUID, uuid4

from services.users.domain.request_limits import PASSWORD_LINK_PAUSE
from services.users.handlers.dunning import suspend_debtor
from tests.integration.users.service import Member, UsersService
from tests.integration.users.test_dunning import received, written_off_invoice
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants


async def test_erasure_deletes_the_person_and_all_credentials(users: UsersService) -> None:
    owner = await users.open_tenant()
    before = await users.row_counts(owner.tenant_id)
    member = await users.join(owner.tenant_id)
    await users.forget_password(member.tenant_id, member.email)

    erased = await users.http.delete(f"/users/{member.user_id}", headers=member.headers)

    assert (erased.status_code, erased.content) == (204, b"")
    assert (await users.event_types(member.tenant_id, member.user_id))[-1] == "user.erased"
    counts = await users.row_counts(owner.tenant_id)
    changed = {table for table in counts if counts[table] != before[table]}
    assert changed <= {"events", "outbox", "person_keys"}
    assert (await users.http.get(f"/users/{member.user_id}", headers=owner.headers)).status_code == 404
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    assert (await users.refresh(member.tokens)).status_code == 401
    payloads = await users.rows(
        member.tenant_id, "select payload from events where aggregate_id = :id", id=member.user_id
    )
    assert [
        event for event in payloads if member.email.encode() in event["payload"] or b"Lovelace" in event["payload"]
    ] == []
    history = await users.http.get(f"/users/{member.user_id}/events", headers=owner.headers)
    assert [event["version"] for event in history.json()["data"]] == list(range(1, len(payloads) + 1))
    listed = (await users.http.get("/users", headers=owner.headers)).json()["data"]
    assert [user["id"] for user in listed] == [str(owner.user_id)]


async def test_the_address_of_an_erased_user_can_be_registered_again(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await _erase(users, member, owner)
    user_id = UUID((await users.sign_up(owner.tenant_id, member.email)).json()["id"])
    assert user_id != member.user_id
    assert (await users.http.get(f"/users/{user_id}", headers=owner.headers)).status_code == 200


async def test_a_second_erasure_changes_nothing_and_an_unknown_user_is_not_found(users: UsersService) -> None:
    owner, unknown = await users.open_tenant(), await users.open_tenant()
    member, far = await users.join(owner.tenant_id), await users.join(unknown.tenant_id)
    for _ in range(2):
        await _erase(users, member, owner)
    assert (await users.event_types(member.tenant_id, member.user_id)).count("user.erased") == 1
    for user_id in (uuid4(), far.user_id):
        answer = await users.http.delete(f"/users/{user_id}", headers=owner.headers)
        assert answer.status_code == 404
    assert "user.erased" not in await users.event_types(far.tenant_id, far.user_id)


async def test_members_erase_only_themselves_and_the_owner_is_protected(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, other = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    assert (await users.http.delete(f"/users/{other.user_id}", headers=member.headers)).status_code == 404
    assert (await users.http.delete(f"/users/{owner.user_id}", headers=owner.headers)).status_code == 403
    assert (await users.http.delete(f"/users/{member.user_id}")).status_code == 401


async def test_an_erasure_needs_the_latest_version(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    path = f"/users/{member.user_id}"
    seen = {**owner.headers, "if-match": (await users.http.get(path, headers=owner.headers)).headers["etag"]}
    changed = await users.http.patch(path, json={"locale": "de-AT"}, headers=owner.headers)
    assert (await users.http.delete(path, headers=seen)).status_code == 412
    latest = {**owner.headers, "if-match": changed.headers["etag"]}
    for _ in range(2):
        assert (await users.http.delete(path, headers=latest)).status_code == 204


async def test_an_erased_user_cannot_be_changed(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await users.forget_password(member.tenant_id, member.email)
    link = await users.mailed_token(member.tenant_id, member.user_id, "user.password_reset_requested")
    await _erase(users, member, owner)
    history = await users.event_types(member.tenant_id, member.user_id)
    path = f"/users/{member.user_id}"

    assert (await users.http.patch(path, json={"display_name": "X"}, headers=member.headers)).status_code == 401
    assert (await users.http.post(f"{path}/role", json={"role": "admin"}, headers=owner.headers)).status_code == 404
    for verb in ("suspend", "reactivate"):
        assert (await users.http.post(f"{path}/{verb}", headers=owner.headers)).status_code == 404
    assert (await users.reset_password(link, "an even better passphrase")).status_code == 422
    users.clock.move(PASSWORD_LINK_PAUSE)
    assert (await users.forget_password(member.tenant_id, member.email)).status_code == 202
    with bound_tenants([TenantId(member.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await suspend_debtor(received(written_off_invoice(member.tenant_id, member.user_id), version=9), uow)
    assert await users.event_types(member.tenant_id, member.user_id) == history


async def test_a_link_mailed_before_the_erasure_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    user_id = UUID((await users.sign_up(owner.tenant_id)).json()["id"])
    token = await users.mailed_token(owner.tenant_id, user_id)
    assert (await users.http.delete(f"/users/{user_id}", headers=owner.headers)).status_code == 204
    assert (await users.verify(token)).status_code == 422


async def _erase(users: UsersService, member: Member, by: Member) -> None:
    answer = await users.http.delete(f"/users/{member.user_id}", headers=by.headers)
    assert answer.status_code == 204, answer.text
