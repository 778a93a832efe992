"""A tenant's users over HTTP: lists, profiles, roles and suspension."""

from base64 import urlsafe_b64encode
from datetime import timedelta
from uuid import uuid4

from tests.integration.users.service import UsersService


async def test_another_tenants_user_is_not_found(users: UsersService) -> None:
    owner, stranger = await users.open_tenant(), await users.open_tenant()
    path = f"/users/{stranger.user_id}"
    answers = [
        await users.http.get(path, headers=owner.headers),
        await users.http.get(f"{path}/events", headers=owner.headers),
        await users.http.patch(path, json={"display_name": "Mine"}, headers=owner.headers),
        await users.http.post(f"{path}/suspend", headers=owner.headers),
        await users.http.post(f"{path}/reactivate", headers=owner.headers),
        await users.http.post(f"{path}/role", json={"role": "member"}, headers=owner.headers),
        await users.http.get(f"/users/{uuid4()}", headers=owner.headers),
    ]
    assert {answer.status_code for answer in answers} == {404}
    listed = (await users.http.get("/users", headers=owner.headers)).json()["data"]
    assert [user["id"] for user in listed] == [str(owner.user_id)]


async def test_requests_without_a_token_are_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    for headers in ({}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic YTpi"}):
        answer = await users.http.get(f"/users/{owner.user_id}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_members_see_and_change_only_themselves(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    itself, other = f"/users/{member.user_id}", f"/users/{owner.user_id}"
    assert (await users.http.get(itself, headers=member.headers)).status_code == 200
    assert (await users.http.get(f"{itself}/events", headers=member.headers)).status_code == 200
    assert (await users.http.get(other, headers=member.headers)).status_code == 404
    assert (await users.http.patch(other, json={}, headers=member.headers)).status_code == 404
    assert (await users.http.get(f"{other}/events", headers=member.headers)).status_code == 404
    assert (await users.http.get("/users", headers=member.headers)).status_code == 403
    assert (await users.http.post(f"{itself}/suspend", headers=member.headers)).status_code == 403


async def test_users_are_paged_in_order_of_registration(users: UsersService) -> None:
    owner = await users.open_tenant()
    joined = [str(owner.user_id)]
    for _ in range(4):
        users.clock.move(timedelta(milliseconds=5))
        joined.append((await users.sign_up(owner.tenant_id)).json()["id"])

    pages = [(await users.http.get("/users", params={"limit": 2}, headers=owner.headers)).json()]
    while pages[-1]["has_more"]:
        query = {"limit": "2", "cursor": pages[-1]["next_cursor"]}
        pages.append((await users.http.get("/users", params=query, headers=owner.headers)).json())

    assert [[user["id"] for user in page["data"]] for page in pages] == [joined[:2], joined[2:4], joined[4:]]


async def test_a_profile_change_needs_the_latest_version(users: UsersService) -> None:
    owner = await users.open_tenant()
    path = f"/users/{owner.user_id}"
    seen = (await users.http.get(path, headers=owner.headers)).headers["etag"]
    headers = {**owner.headers, "if-match": seen}

    changed = await users.http.patch(path, json={"display_name": "Amazing Grace"}, headers=headers)
    too_late = await users.http.patch(path, json={"locale": "de-AT"}, headers=headers)

    assert (changed.status_code, changed.json()["display_name"]) == (200, "Amazing Grace")
    assert too_late.status_code == 412
    current = await users.http.get(path, headers=owner.headers)
    assert (current.headers["etag"], current.json()) == (changed.headers["etag"], changed.json())


async def test_a_change_without_an_effect_is_not_recorded(users: UsersService) -> None:
    owner = await users.open_tenant()
    before = await users.event_types(owner.tenant_id, owner.user_id)
    for body in ({}, {"display_name": "Grace Hopper"}, {"display_name": None, "locale": "en"}):
        assert (await users.http.patch(f"/users/{owner.user_id}", json=body, headers=owner.headers)).status_code == 200
    assert await users.event_types(owner.tenant_id, owner.user_id) == before


async def test_a_suspended_user_cannot_sign_in_until_reactivated(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)

    for _ in range(2):
        suspended = await users.http.post(f"/users/{member.user_id}/suspend", headers=owner.headers)
        assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401

    reactivated = await users.http.post(f"/users/{member.user_id}/reactivate", headers=owner.headers)
    assert reactivated.json()["status"] == "active"
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200
    assert (await users.refresh(member.tokens)).status_code == 401
    again = await users.http.post(f"/users/{member.user_id}/reactivate", headers=owner.headers)
    assert again.status_code == 409


async def test_an_owner_is_neither_suspended_nor_changed_by_others(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    path = f"/users/{owner.user_id}"
    promoted = await users.http.post(f"/users/{member.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    assert promoted.json()["role"] == "admin"
    admin = (await users.log_in(member.tenant_id, member.email)).json()
    headers = {"authorization": f"Bearer {admin['access_token']}"}

    assert (await users.http.get(path, headers=headers)).status_code == 200
    assert (await users.http.post(f"{path}/suspend", headers=headers)).status_code == 403
    assert (await users.http.post(f"{path}/role", json={"role": "member"}, headers=headers)).status_code == 403
    assert (await users.http.patch(path, json={"display_name": "Nobody"}, headers=headers)).status_code == 403
    assert (await users.http.post(f"{path}/role", json={"role": "member"}, headers=owner.headers)).status_code == 403


async def test_a_users_history_contains_no_personal_data(users: UsersService) -> None:
    owner = await users.open_tenant()
    history = await users.http.get(f"/users/{owner.user_id}/events", headers=owner.headers)
    assert [(event["type"], event["version"]) for event in history.json()["data"]] == [
        ("user.created", 1),
        ("user.verification_requested", 2),
    ]
    assert owner.email not in history.text


async def test_a_users_history_has_pages(users: UsersService) -> None:
    owner = await users.open_tenant()
    path = f"/users/{owner.user_id}"
    for number in range(5):
        await users.http.patch(path, json={"display_name": f"Name {number}"}, headers=owner.headers)
    versions: list[int] = []
    query: dict[str, str] = {"limit": "3"}
    while True:
        page = (await users.http.get(f"{path}/events", params=query, headers=owner.headers)).json()
        assert len(page["data"]) <= 3
        versions += [event["version"] for event in page["data"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert versions == list(range(1, 8))
    for beyond in (7, 2**63 - 1, -1):
        cursor = urlsafe_b64encode(str(beyond).encode()).decode().rstrip("=")
        answer = await users.http.get(f"{path}/events", params={"cursor": cursor}, headers=owner.headers)
        assert (answer.status_code, len(answer.json()["data"])) == (200, 7 if beyond < 0 else 0)
