"""Responses to writes name the events that they stored, unless the answer must not reveal them."""

import httpx

from services.users.handlers.mail_bound import UNASKED_MAILS
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address
from tests.integration.users.test_mail_bound import open_with
from waypost.kernel.ids import EventId, TenantId
from waypost.kernel.write_token import read_tokens


def named(answer: httpx.Response, member: Member) -> list[EventId]:
    """The ids of the events that the response names."""
    return [event.event_id for event in read_tokens([answer.headers["write-token"]], TenantId(member.tenant_id)) or ()]


async def test_a_write_names_its_last_event_of_each_type(users: UsersService) -> None:
    owner = await users.open_tenant()
    answer = await users.http.patch(f"/users/{owner.user_id}", json={"display_name": "Grace"}, headers=owner.headers)
    *_, last = [each for each in await users.published(owner.tenant_id) if each.aggregate_id == owner.user_id]
    assert last.event.type == "user.profile_updated"
    assert named(answer, owner) == [last.event_id]


async def test_requests_that_store_nothing_name_nothing(users: UsersService) -> None:
    owner = await users.open_tenant()
    path = f"/users/{owner.user_id}"
    body = {"display_name": "Grace"}
    await users.http.patch(path, json=body, headers=owner.headers)
    answers = [
        await users.http.get(path, headers=owner.headers),
        await users.http.patch(path, json=body, headers=owner.headers),  # changes nothing
        await users.http.patch(path, json={"display_name": ""}, headers=owner.headers),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert ["write-token" in answer.headers for answer in answers] == [False] * 3


async def test_a_repeated_request_names_the_events_of_the_first(users: UsersService) -> None:
    owner = await users.verified_tenant()
    body, headers = {"email": unique_address(), "role": "member"}, {**owner.headers, "idempotency-key": "invitation-1"}
    first, again = [await users.http.post("/invitations", json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.headers["write-token"] == first.headers["write-token"]
    assert named(first, owner) == [(await users.published(owner.tenant_id))[-1].event_id]


async def test_answers_that_must_not_reveal_what_they_stored_name_nothing(users: UsersService) -> None:
    owner = await users.open_tenant()
    new, taken, mailed = unique_address(), owner.email, unique_address()
    public = [
        await open_with(users, unique_address()),
        await users.sign_up(owner.tenant_id),
        await users.sign_up(owner.tenant_id, taken),
        await users.forget_password(owner.tenant_id, taken),
        await users.log_in(owner.tenant_id, taken, PASSWORD),
    ]
    for _ in range(UNASKED_MAILS):
        await open_with(users, mailed)
    own = [
        await users.http.post("/email/change", json={"email": email}, headers=owner.headers)
        for email in (new, mailed, taken)
    ]
    assert {answer.status_code for answer in own} == {202}
    assert [answer.headers for answer in (*public, *own) if "write-token" in answer.headers] == []
