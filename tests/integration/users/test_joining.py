"""Tenants, sign-up, verification."""

from tests.integration.users.service import UsersService


async def test_an_owner_opens_a_tenant_and_a_person_joins_it(users: UsersService) -> None:
    owner = await users.open_tenant()
    signed_up = await users.sign_up(owner.tenant_id)
    assert signed_up.status_code == 201
    user = signed_up.json()
    seen = await users.http.get(f"/users/{user['id']}", headers=owner.headers)
    assert seen.status_code == 200, seen.text
    assert seen.json() == user
    assert seen.headers["etag"] == '"2"'
