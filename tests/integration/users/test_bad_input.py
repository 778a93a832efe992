"""Each invalid request gets a problem document with its reason, and never status 500."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.fixtures.names import HOSTILE_NAMES
from tests.integration.users.service import PASSWORD, UsersService
from waypost.kernel.text import is_storable


@pytest.fixture
def rate_limiting() -> bool:
    return False


OWNER = {"email": "grace@example.com", "password": PASSWORD, "display_name": "Grace Hopper"}
TENANT = {"name": "Engines", "owner": OWNER}
PERSON = {**OWNER, "tenant_id": str(UUID(int=7))}

NO_SHAPE: list[Any] = [None, 1, "text", [], [TENANT], {}, {"owner": OWNER}, {"name": "Engines"}]
NO_TEXT: list[Any] = [None, 1, True, [], {}, "", " ", "a\0b", "a\nb", "x" * 201, *HOSTILE_NAMES.values()]
NO_ADDRESS: list[Any] = [
    None,
    1,
    "",
    "grace",
    "grace@",
    "@example.com",
    "a@b@c.de",
    "x" * 250 + "@example.com",
    "a\0@b.de",
]
NO_PASSWORD: list[Any] = [None, 1, "", "short", "x" * 257, [PASSWORD], "a password\0"]
NO_TENANT: list[Any] = [None, 1, "", "x", "00000000-0000-0000-0000-00000000000g", []]
NEVER_A_PASSWORD: list[Any] = [None, 1, [], "x" * 257, "\0"]
NO_PROFILE: list[Any] = [
    None,
    [],
    {"role": "owner"},
    {"display_name": 1},
    {"display_name": ""},
    {"locale": "?"},
    {"email": "a@b.de"},
    *({"display_name": name} for name in HOSTILE_NAMES.values() if is_storable(name)),
]
NO_ROLE: list[Any] = [{}, {"role": "owner"}, {"role": "king"}, {"role": None}]
NO_LOCALE: list[Any] = [1, "", "english please", "e", "en_US", "en\n", "x" * 100]

NO_POLICY: list[Any] = [
    None,
    "open",
    {"mode": "everyone"},
    {"mode": "open", "admins": []},
    {"mode": "open", "domains": ["example.com"]},
    {"mode": "domains"},
    {"mode": "domains", "domains": []},
    {"mode": "domains", "domains": ["example.com"] * 101},
    *(
        {"mode": "domains", "domains": [domain]}
        for domain in (None, 1, "", "x", "a@b.de", "@b.de", "x" * 300, "a\0.de")
    ),
]
BAD_TENANTS = [
    *NO_SHAPE,
    {**TENANT, "plan": "gold"},
    *({**TENANT, "name": name} for name in NO_TEXT),
    *({**TENANT, "join_policy": policy} for policy in NO_POLICY),
    *({**TENANT, "owner": owner} for owner in (*NO_SHAPE[:-2], {**OWNER, "role": "owner"})),
    *({**TENANT, "owner": {**OWNER, "email": email}} for email in NO_ADDRESS),
    *({**TENANT, "owner": {**OWNER, "password": password}} for password in NO_PASSWORD),
    *({**TENANT, "owner": {**OWNER, "display_name": name}} for name in NO_TEXT),
    *({**TENANT, "owner": {**OWNER, "locale": locale}} for locale in NO_LOCALE),
]
BAD_PEOPLE = [
    *NO_SHAPE,
    OWNER,
    {**PERSON, "role": "admin"},
    *({**PERSON, "tenant_id": tenant} for tenant in NO_TENANT),
    *({**PERSON, "email": email} for email in NO_ADDRESS),
    *({**PERSON, "password": password} for password in NO_PASSWORD),
    *({**PERSON, "locale": locale} for locale in NO_LOCALE),
    *({**PERSON, "display_name": name} for name in NO_TEXT),
]
BAD_TOKENS: list[Any] = [
    *NO_SHAPE,
    *({"token": token} for token in (None, 1, "", "x", "ä", "x" * 257, "a\0b", "A" * 64, "=" * 64)),
    {"token": "A" * 64, "more": 1},
]
FORGOTTEN = {"tenant_id": str(UUID(int=7)), "email": "grace@example.com"}
BAD_FORGOTTEN = [
    *NO_SHAPE,
    {**FORGOTTEN, "password": PASSWORD},
    *({**FORGOTTEN, "tenant_id": tenant} for tenant in NO_TENANT),
    *({**FORGOTTEN, "email": email} for email in NO_ADDRESS),
]
BAD_RESETS = [
    *NO_SHAPE,
    {"token": "A" * 64},
    *({"token": "A" * 64, "password": password} for password in NO_PASSWORD),
    *({**token, "password": PASSWORD} for token in BAD_TOKENS if isinstance(token, dict)),
]
ACCEPTANCE = {"token": "A" * 64, "password": PASSWORD, "display_name": "Ada"}
BAD_ACCEPTANCES = [
    *NO_SHAPE,
    ACCEPTANCE,
    {**ACCEPTANCE, "role": "admin"},
    {**ACCEPTANCE, "email": "a@example.com"},
    *({**ACCEPTANCE, "password": password} for password in NO_PASSWORD),
    *({**ACCEPTANCE, "display_name": name} for name in NO_TEXT),
    *({**ACCEPTANCE, "locale": locale} for locale in NO_LOCALE),
    *({**ACCEPTANCE, **token} for token in BAD_TOKENS if isinstance(token, dict)),
]
BAD_INVITATIONS = [
    *NO_SHAPE,
    *({"email": email} for email in NO_ADDRESS),
    *({"email": "a@example.com", "role": role} for role in (None, 1, "", "owner", "king")),
    *({"email": "a@example.com", "locale": locale} for locale in NO_LOCALE),
    {"email": "a@example.com", "display_name": "Ada"},
]
BAD_CHANGES = [
    *NO_SHAPE,
    *({"current_password": PASSWORD, "new_password": password} for password in NO_PASSWORD),
    *({"current_password": password, "new_password": PASSWORD} for password in NEVER_A_PASSWORD),
    {"current_password": PASSWORD, "new_password": PASSWORD, "user_id": str(UUID(int=7))},
]
BAD_SIGN_INS = [
    *NO_SHAPE,
    *({**PERSON, "password": password} for password in NEVER_A_PASSWORD),
    PERSON,
]


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("/tenants", BAD_TENANTS),
        ("/signup", BAD_PEOPLE),
        ("/login", BAD_SIGN_INS),
        ("/password/forgot", BAD_FORGOTTEN),
        ("/password/reset", BAD_RESETS),
        ("/invitations/accept", BAD_ACCEPTANCES),
        ("/token/refresh", [{"refresh_token": None}, {"token": "x"}, *NO_SHAPE]),
        ("/logout", [{"refresh_token": None}, {"token": "x"}, *NO_SHAPE]),
    ],
)
async def test_a_body_of_another_shape_is_refused(users: UsersService, path: str, bodies: list[Any]) -> None:
    for body in bodies:
        # Escaped, because a lone surrogate cannot be encoded otherwise.
        answer = await users.http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert is_problem(answer, 422), body


async def test_a_change_of_password_of_another_shape_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    for body in BAD_CHANGES:
        answer = await users.http.post("/password/change", json=body, headers=owner.headers)
        assert is_problem(answer, 422), body
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 200


async def test_invitations_and_policies_of_another_shape_are_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    for method, path, bodies in (("POST", "/invitations", BAD_INVITATIONS), ("PUT", "/join-policy", NO_POLICY)):
        for body in bodies:
            answer = await users.http.request(method, path, json=body, headers=owner.headers)
            assert is_problem(answer, 422), (path, body)


@pytest.mark.parametrize(
    "path",
    [
        "/tenants",
        "/signup",
        "/verify",
        "/login",
        "/token/refresh",
        "/logout",
        "/password/forgot",
        "/password/reset",
        "/invitations/accept",
    ],
)
async def test_a_body_that_is_not_json_is_refused(users: UsersService, path: str) -> None:
    json_type = {"content-type": "application/json"}
    for content in (b"", b"{", b"\xff\xfe", b'{"a":', b"[" * 10_000, b'{"token": NaN}', b'{"token": "\\ud800"}'):
        assert is_problem(await users.http.post(path, content=content, headers=json_type), 400, 422), content
    form = await users.http.post(path, data={"token": "x"})
    assert is_problem(form, 415)


async def test_a_lone_surrogate_in_a_name_is_refused(users: UsersService) -> None:
    text = json.dumps(TENANT).replace("Engines", "\\ud800")
    answer = await users.http.post("/tenants", content=text, headers={"content-type": "application/json"})
    assert is_problem(answer, 422)


async def test_a_body_beyond_the_cap_is_refused(users: UsersService) -> None:
    assert is_problem(await users.http.post("/signup", json={**PERSON, "display_name": "x" * 70_000}), 413)


async def test_a_refusal_does_not_repeat_the_input(users: UsersService) -> None:
    answer = await users.http.post("/signup", json={**PERSON, "email": "secret-address", "password": "sesame"})
    assert is_problem(answer, 422)
    assert "secret-address" not in answer.text
    assert "sesame" not in answer.text


@pytest.mark.parametrize("key", ["short", "x" * 256, "with spaces in it", "schlüsselbund"])
async def test_a_bad_idempotency_key_is_refused(users: UsersService, key: str) -> None:
    answer = await users.http.post("/tenants", json=TENANT, headers=[(b"idempotency-key", key.encode())])
    assert is_problem(answer, 400)


async def test_bad_paths_queries_and_conditions_are_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    itself = f"/users/{owner.user_id}"
    for path in ("/users/x", "/users/0", "/users/%00", "/users/x/events"):
        assert is_problem(await users.http.get(path, headers=owner.headers), 400, 422), path
    for query in ("limit=0", "limit=201", "limit=x", "cursor=!!", "cursor=bm8", "cursor=" + "x" * 600, "cursor=%00"):
        assert is_problem(await users.http.get(f"/users?{query}", headers=owner.headers), 400, 422), query
    for condition in ("1", '"x"', 'W/"1"', '"1", "2"', '"99999999999999999999"'):
        headers = {**owner.headers, "if-match": condition}
        assert is_problem(await users.http.patch(itself, json={}, headers=headers), 400, 422), condition
        assert is_problem(await users.http.delete(itself, headers=headers), 400, 422), condition
    for path in ("/users/x", "/users/0", "/users/%00"):
        assert is_problem(await users.http.delete(path, headers=owner.headers), 400, 422), path
    for body in NO_PROFILE:
        assert is_problem(await users.http.patch(itself, json=body, headers=owner.headers), 422), body
    for body in NO_ROLE:
        assert is_problem(await users.http.post(f"{itself}/role", json=body, headers=owner.headers), 422), body


async def test_unknown_routes_and_methods_are_problems_too(users: UsersService) -> None:
    assert is_problem(await users.http.get("/nowhere"), 404)
    assert is_problem(await users.http.get("/signup"), 405)
    assert is_problem(await users.http.delete(f"/users/{uuid4()}/role"), 405)


def is_problem(answer: httpx.Response, *statuses: int) -> bool:
    assert answer.status_code in statuses, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return True
