"""The page of an invitation, in a real browser."""

from tests.fixtures.browser import Open
from tests.integration.users.invited import company
from tests.integration.users.service import UsersService
from waypost.testing.http import serving

EMAIL, PASSWORD = "ada@example.com", "an even better passphrase"


async def test_the_page_creates_the_account(users: UsersService, visit: Open) -> None:
    there = await company(users)
    token = await there.link(await there.invited(EMAIL))
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/invitations/accept?token={token}")
        assert visited.page.url == f"{url}/invitations/accept", "the token is removed from the address bar"
        await visited.page.get_by_label("Your name").fill("Ada Lovelace")
        typed = visited.page.get_by_label("Password")
        await typed.fill(PASSWORD)
        await typed.press("Enter")
        await visited.page.get_by_role("heading", name="Welcome").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    assert await there.password_opens(EMAIL, PASSWORD)
    visited.prove_clean()


async def test_a_used_link_is_reported(users: UsersService, visit: Open) -> None:
    there = await company(users)
    token = await there.link(await there.invited(EMAIL))
    assert (await there.accept(token)).status_code == 201
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/invitations/accept?token={token}")
        await visited.page.get_by_label("Your name").fill("Ada Lovelace")
        await visited.page.get_by_label("Password").fill(PASSWORD)
        await visited.page.get_by_role("button", name="Join").click()
        await visited.page.get_by_role("heading", name="This link is no longer valid").wait_for()
        assert await visited.page.get_by_role("button").count() == 0


async def test_a_link_without_its_token_is_reported(users: UsersService, visit: Open) -> None:
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/invitations/accept")
        await visited.page.get_by_role("heading", name="This link is incomplete").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    visited.prove_clean()
