"""The pages of both links of a change of address, in a real browser."""

import pytest

from tests.fixtures.browser import Open
from tests.integration.users.service import PASSWORD, UsersService, unique_address
from waypost.testing.http import serving


@pytest.mark.parametrize(
    ("path", "button", "heading"),
    [
        ("/email/confirm", "Confirm", "Your e-mail is changed"),
        ("/email/confirm", "I did not request this", "The request is ended"),
        ("/email/cancel", "Cancel the change", "The change is cancelled"),
    ],
)
async def test_a_click_sends_the_token_and_opening_the_page_does_not(
    users: UsersService, visit: Open, path: str, button: str, heading: str
) -> None:
    owner = await users.open_tenant()
    await users.http.post("/email/change", json={"email": unique_address()}, headers=owner.headers)
    token = await (users.proof_link if path == "/email/confirm" else users.cancel_link)(owner)
    before = await users.event_types(owner.tenant_id, owner.user_id)
    async with serving(users.app()) as url:
        visited = await visit(f"{url}{path}?token={token}")
        assert visited.page.url == f"{url}{path}", "the token is removed from the address bar"
        assert await users.event_types(owner.tenant_id, owner.user_id) == before
        if button == "Confirm":
            await visited.page.get_by_label("Password").fill(PASSWORD)
        await visited.page.get_by_role("button", name=button).click()
        await visited.page.get_by_role("heading", name=heading).wait_for()
        assert await visited.page.get_by_role("button").count() == 0
    is_declined = button == "I did not request this"
    assert (await users.event_types(owner.tenant_id, owner.user_id) == before) is is_declined
    assert not is_declined or (await users.confirm_address(token)).status_code == 422
    visited.prove_clean()
