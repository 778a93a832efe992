"""Read marks and digest preferences over HTTP."""

from base64 import urlsafe_b64encode

import httpx
import pytest

from services.notifications.domain import UnsubscribeToken
from tests.fixtures.browser import Open
from tests.integration.notifications.digests import Digests, headers
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.testing.http import serving


async def test_the_digest_is_off_by_default(http: httpx.AsyncClient) -> None:
    ada, grace = Person(), Person()
    assert await _wants(http, ada) is False
    for wanted in (True, True, False, True):
        put = await http.put("/preferences", json={"digest": wanted}, headers=headers(ada))
        assert (put.status_code, put.json()["digest"]) == (200, wanted)
        assert await _wants(http, ada) is wanted
    assert await _wants(http, grace) is False
    assert await _wants(http, Person(tenant_id=ada.tenant_id)) is False
    assert (await http.get("/preferences")).status_code == 401
    assert (await http.put("/preferences", json={}, headers=headers(ada))).status_code == 422


async def test_the_first_read_mark_is_kept_and_fetching_sets_none(digests: Digests, http: httpx.AsyncClient) -> None:
    ada = await digests.customer()
    await digests.invoice(ada, 7)
    [unread] = await digests.unread(ada)
    path = f"/notifications/{unread['id']}"
    assert (await http.get(path, headers=headers(ada))).json()["read_at"] is None
    first = (await http.post(f"{path}/read", headers=headers(ada))).json()
    assert first == {**unread, "read_at": first["read_at"]}
    assert first["read_at"] is not None
    assert (await http.post(f"{path}/read", headers=headers(ada))).json() == first
    assert (await http.get(path, headers=headers(ada))).json() == first
    assert await digests.unread(ada) == []


async def test_only_its_recipient_marks_a_notification_as_read(digests: Digests, http: httpx.AsyncClient) -> None:
    ada = await digests.customer()
    await digests.invoice(ada, 7)
    [unread] = await digests.unread(ada)
    path = f"/notifications/{unread['id']}"
    admin, stranger = Person(tenant_id=ada.tenant_id), Person(user_id=ada.user_id)
    assert (await http.get(path, headers=headers(admin, Role.ADMIN))).status_code == 200
    for somebody in (headers(admin, Role.ADMIN), headers(stranger), headers(stranger, Role.OWNER)):
        assert (await http.post(f"{path}/read", headers=somebody)).status_code == 404
    assert len(await digests.unread(ada)) == 1


async def test_the_unsubscribe_link_needs_no_sign_in_and_is_idempotent(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada, grace = Person(), Person()
    for person in (ada, grace):
        await http.put("/preferences", json={"digest": True}, headers=headers(person))
    link = await _link(notifications, ada)
    page = await http.get(link)
    assert page.status_code == 200 and 'method="post"' in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert await _wants(http, ada) is True
    for _ in range(2):
        ended = await http.post(link, data={"List-Unsubscribe": "One-Click"})
        assert ended.status_code == 200 and "You are unsubscribed" in ended.text and "<form" not in ended.text
    assert (await _wants(http, ada), await _wants(http, grace)) == (False, True)

    await http.put("/preferences", json={"digest": True}, headers=headers(ada))
    assert await _link(notifications, ada) == link, "the link of an old mail still works"


@pytest.mark.parametrize("token", ["x", "%00", "a" * 48, "é" * 48, "=" * 48, urlsafe_b64encode(b"a" * 35).decode()])
async def test_an_unknown_unsubscribe_link_is_not_found(http: httpx.AsyncClient, token: str) -> None:
    assert (await http.post(f"/unsubscribe/{token}")).status_code in (400, 404)


async def test_an_unsubscribe_secret_is_valid_in_its_tenant_only(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    await http.put("/preferences", json={"digest": True}, headers=headers(ada))
    parsed = UnsubscribeToken.parse((await _link(notifications, ada)).removeprefix("/unsubscribe/"))
    assert parsed is not None
    moved = UnsubscribeToken(tenant_id=TenantId(Person().tenant_id), secret=parsed.secret)
    assert (await http.post(f"/unsubscribe/{moved.text}")).status_code == 404
    assert await _wants(http, ada) is True


async def test_the_unsubscribe_page_ends_the_digests(
    notifications: NotificationsService, http: httpx.AsyncClient, visit: Open
) -> None:
    ada = Person()
    await http.put("/preferences", json={"digest": True}, headers=headers(ada))
    async with serving(notifications.app()) as url:
        visited = await visit(url + await _link(notifications, ada))
        assert await _wants(http, ada), "mail scanners follow links too"
        await visited.page.get_by_role("button", name="Unsubscribe").click()
        await visited.page.get_by_role("heading", name="You are unsubscribed").wait_for()
    assert await _wants(http, ada) is False
    visited.prove_clean()


async def _wants(http: httpx.AsyncClient, person: Person) -> bool:
    wants: bool = (await http.get("/preferences", headers=headers(person))).json()["digest"]
    return wants


async def _link(notifications: NotificationsService, person: Person) -> str:
    [row] = await notifications.rows(person.tenant_id, "select unsubscribe_secret from preferences")
    token = UnsubscribeToken(tenant_id=TenantId(person.tenant_id), secret=row["unsubscribe_secret"])
    return f"/unsubscribe/{token.text}"
