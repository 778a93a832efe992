"""Registration of tenants and users, and verification."""

import asyncio
import base64
import hashlib
from datetime import timedelta
from uuid import UUID

import httpx

from services.users.api.registration import VERIFICATION_LIFETIME
from tests.integration.users.service import PASSWORD, UsersService, unique_address


async def test_an_owner_opens_a_tenant_and_a_user_registers(users: UsersService) -> None:
    owner = await users.open_tenant()
    signed_up = await users.sign_up(owner.tenant_id)
    assert signed_up.status_code == 201
    user = signed_up.json()
    assert user["status"] == "unverified"

    seen = await users.http.get(f"/users/{user['id']}", headers=owner.headers)
    assert seen.json() == user
    assert seen.headers["etag"] == '"2"'
    assert await users.event_types(owner.tenant_id, UUID(user["id"])) == ["user.created", "user.verification_requested"]

    token = await users.mailed_token(owner.tenant_id, UUID(user["id"]))
    verified = await users.verify(token)
    assert (verified.status_code, verified.json()["status"]) == (200, "active")
    assert (await users.log_in(owner.tenant_id, user["email"])).status_code == 200


async def test_opening_the_mailed_link_does_not_consume_it(users: UsersService) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    page = await users.http.get("/verify", params={"token": token})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert token not in page.text
    script = page.text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert (await users.verify(token)).status_code == 200


async def test_each_event_has_one_outbox_row_and_the_person_a_key(users: UsersService) -> None:
    owner = await users.open_tenant()
    stored = await users.row_counts(owner.tenant_id)
    assert (stored["events"], stored["outbox"], stored["person_keys"]) == (4, 4 + 1, 1)


async def test_only_the_hash_of_a_token_is_stored(users: UsersService) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    rows = await users.rows(owner.tenant_id, "select *, token_hash from verification_tokens")
    events = await users.rows(owner.tenant_id, "select payload from events")
    assert token.encode() not in repr(rows).encode() + b"".join(row["payload"] for row in events)


async def test_a_taken_address_gets_the_same_response_and_changes_nothing(users: UsersService) -> None:
    owner = await users.open_tenant()
    free = await users.sign_up(owner.tenant_id, "Ada@Example.com")
    token = await users.mailed_token(owner.tenant_id, UUID(free.json()["id"]))
    assert (await users.verify(token)).status_code == 200
    before = await users.row_counts(owner.tenant_id)

    taken = await users.sign_up(owner.tenant_id, "ADA@example.COM")

    assert (taken.status_code, taken.headers["etag"]) == (free.status_code, free.headers["etag"])
    assert {**taken.json(), "id": None} == {**free.json(), "id": None}
    assert taken.headers["location"] == f"/users/{taken.json()['id']}"
    assert await users.row_counts(owner.tenant_id) == before
    ghost = await users.http.get(f"/users/{taken.json()['id']}", headers=owner.headers)
    assert ghost.status_code == 404


async def test_a_repeated_registration_mails_another_link(users: UsersService) -> None:
    owner = await users.open_tenant()
    user_id = UUID((await users.sign_up(owner.tenant_id, "ada@example.com")).json()["id"])
    lost = await users.mailed_token(owner.tenant_id, user_id)

    await users.sign_up(owner.tenant_id, "ada@example.com")

    mailed = await users.mailed_token(owner.tenant_id, user_id)
    assert (await users.verify(lost)).status_code == 422
    assert (await users.verify(mailed)).status_code == 200


async def test_one_of_concurrent_registrations_gets_the_address(users: UsersService) -> None:
    owner = await users.open_tenant()
    answers = await asyncio.gather(*(users.sign_up(owner.tenant_id, "ada@example.com") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    rows = await users.rows(owner.tenant_id, "select user_id from users where email = 'ada@example.com'")
    assert len(rows) == 1
    assert str(rows[0]["user_id"]) in {answer.json()["id"] for answer in answers}


async def test_an_address_can_be_registered_in_two_tenants(users: UsersService) -> None:
    one, other = await users.open_tenant(), await users.open_tenant()
    for owner in (one, other):
        user_id = (await users.sign_up(owner.tenant_id, "ada@example.com")).json()["id"]
        assert (await users.http.get(f"/users/{user_id}", headers=owner.headers)).status_code == 200


async def test_a_verification_token_works_once(users: UsersService) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    answers = await asyncio.gather(*(users.verify(token) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422]
    assert (await users.event_types(owner.tenant_id, owner.user_id)).count("user.email_verified") == 1


async def test_a_verification_token_expires(users: UsersService) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    users.clock.move(VERIFICATION_LIFETIME - timedelta(microseconds=1))
    wrong_tenant = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    assert (await users.verify(wrong_tenant)).status_code == 422
    users.clock.move(timedelta(microseconds=1))
    assert (await users.verify(token)).status_code == 422


async def test_a_repeated_request_returns_the_same_tenant(users: UsersService) -> None:
    owner = {"email": unique_address(), "password": PASSWORD, "display_name": "Grace Hopper"}
    first, again, another = [
        await _post_with_key(users, "/tenants", {"name": name, "owner": owner})
        for name in ("Engines", "Engines", "Looms")
    ]
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (again.headers["idempotent-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    assert another.status_code == 422
    assert (await users.row_counts(UUID(first.json()["tenant_id"])))["events"] == 3


async def test_a_repeated_sign_up_creates_one_user(users: UsersService) -> None:
    owner = await users.open_tenant()
    body = {
        "tenant_id": str(owner.tenant_id),
        "email": unique_address(),
        "password": PASSWORD,
        "display_name": "Ada Lovelace",
    }
    first, again = [await _post_with_key(users, "/signup", body) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert await users.event_types(owner.tenant_id, UUID(again.json()["id"])) == [
        "user.created",
        "user.verification_requested",
    ]


async def _post_with_key(users: UsersService, path: str, body: object) -> httpx.Response:
    return await users.http.post(path, json=body, headers={"idempotency-key": "a-key-of-their-own"})
