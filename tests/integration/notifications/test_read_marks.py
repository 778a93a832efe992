"""Notifications in lists, for admins and members."""

import httpx
from sqlalchemy import update

from services.notifications.tables import notifications as rows_of_notifications
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.role import Role


async def test_admins_page_through_all_notifications_newest_first(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    members = [ada, Person(tenant_id=ada.tenant_id), Person(tenant_id=ada.tenant_id)]
    await _welcome(notifications, *members)
    admin = headers(ada, Role.ADMIN)
    first = (await http.get("/notifications", params={"limit": 2}, headers=admin)).json()
    rest = (await http.get("/notifications", params={"cursor": first["next_cursor"]}, headers=admin)).json()
    seen = [item["recipient_id"] for item in first["data"] + rest["data"]]
    assert seen == [str(person.user_id) for person in reversed(members)]
    assert (first["has_more"], rest["has_more"], rest["next_cursor"]) == (True, False, None)


async def test_members_see_their_own_notifications(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    ada = Person()
    grace = Person(tenant_id=ada.tenant_id)
    await _welcome(notifications, ada, grace)
    [own] = (await http.get("/notifications", headers=headers(ada, Role.MEMBER))).json()["data"]
    assert (own["recipient_id"], own["kind"], own["status"]) == (str(ada.user_id), "welcome", "queued")

    path = f"/notifications/{own['id']}"
    assert (await http.get(path, headers=headers(ada, Role.MEMBER))).json() == own
    assert (await http.get(path, headers=headers(grace, Role.MEMBER))).status_code == 404
    assert (await http.get(path, headers=headers(grace, Role.ADMIN))).status_code == 200
    assert (await http.get(path, headers=headers(Person(), Role.OWNER))).status_code == 404
    assert (await http.get(path)).status_code == 401


async def test_kinds_of_a_newer_release_are_shown_as_their_text(
    notifications: NotificationsService, http: httpx.AsyncClient
) -> None:
    """Its workers store rows while this release still serves requests."""
    ada = Person()
    await _welcome(notifications, ada)
    newer = {"kind": "plan_retired", "status": "postponed"}
    async with notifications.unit_of_work(ada.tenant_id) as uow:
        await uow.rows.execute(update(rows_of_notifications).values(newer))
    [shown] = (await http.get("/notifications", headers=headers(ada, Role.MEMBER))).json()["data"]
    assert {name: shown[name] for name in newer} == newer
    assert (await http.get(f"/notifications/{shown['id']}", headers=headers(ada, Role.MEMBER))).json() == shown


async def test_an_invalid_cursor_is_refused(http: httpx.AsyncClient) -> None:
    refused = await http.get("/notifications", params={"cursor": "nonsense"}, headers=headers(Person(), Role.ADMIN))
    assert refused.status_code == 422, refused.text


async def _welcome(notifications: NotificationsService, *people: Person) -> None:
    created = [await notifications.know(people[0])]
    created += [item.created(notifications.clock.now()) for item in people[1:]]
    await notifications.project(*created[1:])
    for item in created:
        await notifications.react(item)
