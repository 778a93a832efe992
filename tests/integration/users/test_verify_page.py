"""The page of a verification link, in a real browser."""

from uuid import UUID

from tests.fixtures.browser import Open
from tests.integration.users.service import UsersService
from waypost.testing.http import serving


async def test_a_click_on_the_page_verifies_the_user(users: UsersService, visit: Open) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/verify?token={token}")
        assert visited.page.url == f"{url}/verify", "the token is removed from the address bar"
        assert "user.email_verified" not in await users.event_types(owner.tenant_id, owner.user_id)
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="Confirmed").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    assert await events_of(users, owner.tenant_id, owner.user_id) == 1
    visited.prove_clean()


async def test_a_link_without_its_token_is_reported(users: UsersService, visit: Open) -> None:
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/verify")
        await visited.page.get_by_role("heading", name="This link is incomplete").wait_for()
    visited.prove_clean()


async def events_of(users: UsersService, tenant_id: UUID, user_id: UUID) -> int:
    return (await users.event_types(tenant_id, user_id)).count("user.email_verified")
