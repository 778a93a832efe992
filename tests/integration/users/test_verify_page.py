"""The page of a verification link, in a real browser."""

import pytest

from tests.fixtures.browser import Open
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address
from waypost.testing.http import serving

ANOTHER = "an even better passphrase"


async def test_the_page_verifies_with_the_password_of_the_sign_up(users: UsersService, visit: Open) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/verify?token={token}")
        assert visited.page.url == f"{url}/verify", "the token is removed from the address bar"
        assert await proofs(users, owner) == 0
        await visited.page.get_by_label("Password of your sign-up").fill(PASSWORD)
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="Confirmed").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    assert await proofs(users, owner) == 1
    visited.prove_clean()


async def test_the_page_verifies_with_another_password_after_a_wrong_one(users: UsersService, visit: Open) -> None:
    owner, email = await users.open_tenant(), unique_address()
    user_id = (await users.sign_up(owner.tenant_id, email)).json()["id"]
    token = await users.mailed_token(owner.tenant_id, user_id)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/verify?token={token}")
        await visited.page.get_by_label("Password of your sign-up").fill("a wrong password")
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="This password is not right").wait_for()
        assert "user.email_verified" not in await users.event_types(owner.tenant_id, user_id)
        await visited.page.get_by_role("button", name="Choose another password").click()
        await visited.page.get_by_label("New password").fill(ANOTHER)
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="Confirmed").wait_for()
    assert (await users.log_in(owner.tenant_id, email, ANOTHER)).status_code == 200


async def test_the_page_asks_an_owner_for_the_password_of_the_account(users: UsersService, visit: Open) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/verify?token={token}")
        await visited.page.get_by_role("button", name="Choose another password").click()
        await visited.page.get_by_label("New password").fill(ANOTHER)
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="Enter the password of your account").wait_for()
        await visited.page.get_by_label("Password of your account").fill(PASSWORD)
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="Confirmed").wait_for()
    assert await proofs(users, owner) == 1


@pytest.mark.parametrize("path", ["/verify", "/email/confirm"])
async def test_an_answer_that_is_not_json_can_be_repeated(users: UsersService, visit: Open, path: str) -> None:
    """Such as that of a gateway while the service restarts."""
    async with serving(users.app()) as url:
        visited = await visit(f"{url}{path}?token={'A' * 64}")
        await visited.page.route("**/*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
        await visited.page.get_by_label("Password").fill(PASSWORD)
        await visited.page.get_by_role("button", name="Confirm").click()
        await visited.page.get_by_role("heading", name="Please try again").wait_for(timeout=10_000)
        assert await visited.page.get_by_role("button", name="Confirm").is_enabled()


async def test_the_page_declines_a_sign_up(users: UsersService, visit: Open) -> None:
    owner = await users.open_tenant()
    user_id = (await users.sign_up(owner.tenant_id)).json()["id"]
    token = await users.mailed_token(owner.tenant_id, user_id)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}/verify?token={token}")
        await visited.page.get_by_role("button", name="I did not sign up").click()
        await visited.page.get_by_role("heading", name="The sign-up is ended").wait_for()
        assert "company" in await visited.page.get_by_role("status").inner_text()  # an owner keeps it
        assert await visited.page.get_by_role("button").count() == 0
    assert (await users.event_types(owner.tenant_id, user_id))[-1] == "user.erased"
    visited.prove_clean()


@pytest.mark.parametrize("path", ["/verify", "/email/confirm"])
async def test_a_link_without_its_token_is_reported(users: UsersService, visit: Open, path: str) -> None:
    async with serving(users.app()) as url:
        visited = await visit(f"{url}{path}")
        await visited.page.get_by_role("heading", name="This link is incomplete").wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    visited.prove_clean()


async def proofs(users: UsersService, member: Member) -> int:
    return (await users.event_types(member.tenant_id, member.user_id)).count("user.email_verified")
