"""The page of a password link, in a real browser."""

from tests.fixtures.browser import Open
from tests.integration.users.service import Member, UsersService
from waypost.testing.http import serving

ANOTHER = "an even better passphrase"


async def test_the_reset_page_sets_the_password(users: UsersService, visit: Open) -> None:
    owner = await users.open_tenant()
    token = await _link(users, owner)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/password/reset?token={token}")
        assert visited.page.url == f"{url}/password/reset", "the token is removed from the address bar"
        typed = visited.page.get_by_label("New password")
        await typed.fill("too short")
        await visited.page.get_by_role("button", name="Save").click()
        assert await typed.evaluate("field => field.validity.tooShort || field.value.length < 10")
        assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 200

        await typed.fill(ANOTHER)
        await typed.press("Enter")
        await visited.page.get_by_role("heading", name="Your password is changed").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    assert (await users.log_in(owner.tenant_id, owner.email, ANOTHER)).status_code == 200
    visited.prove_clean()


async def test_a_used_link_is_reported(users: UsersService, visit: Open) -> None:
    owner = await users.open_tenant()
    token = await _link(users, owner)
    assert (await users.reset_password(token, ANOTHER)).status_code == 204
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/password/reset?token={token}")
        await visited.page.get_by_label("New password").fill(ANOTHER)
        await visited.page.get_by_role("button", name="Save").click()
        await visited.page.get_by_role("heading", name="This link is no longer valid").wait_for()
        assert await visited.page.get_by_role("button").count() == 0


async def test_a_link_without_its_token_is_reported(users: UsersService, visit: Open) -> None:
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/password/reset")
        await visited.page.get_by_role("heading", name="This link is incomplete").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    visited.prove_clean()


async def _link(users: UsersService, member: Member) -> str:
    await users.forget_password(member.tenant_id, member.email)
    return await users.mailed_token(member.tenant_id, member.user_id, "user.password_reset_requested")
