"""The export of a person's data: its content, its readers, its limits, and its erasure."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete

from schemas.billing import InvoiceFinalized
from services.users.commands.exports import RequestExport
from services.users.commands.identity import ActingUser
from services.users.domain import EXPORT_LIFETIME, EXPORT_PAUSE
from services.users.handlers import exports as export_handlers
from services.users.handlers.exports import finish_export, request_export
from services.users.jobs import data_export
from services.users.queries import exports as export_queries
from services.users.tables import credentials
from tests.integration.users.billed import Billed, hear
from tests.integration.users.service import PASSWORD, Member, UsersService
from tests.integration.users.test_overview import waits_for_a_lock
from tests.integration.users.test_person_keys import run_cleanup
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.testing.eventually import eventually

COUNT = "select count(*) as n from exports"
TOO_LATE = timedelta(minutes=6)
"""After it a session is not confirmed any more."""


async def test_a_person_downloads_what_the_service_holds_about_them(users: UsersService) -> None:
    owner = await users.verified_tenant()
    member = await users.join(owner.tenant_id)
    path = f"/users/{member.user_id}"
    await users.http.patch(path, json={"display_name": "Ada King"}, headers=member.headers)
    asked = {"email": "another.address@example.com"}
    assert (await users.http.post("/email/change", json=asked, headers=member.headers)).status_code == 202
    await hear(users, Billed(member).event(InvoiceFinalized, total_minor=4_200))

    accepted = await request(users, member)
    assert (accepted.status_code, accepted.headers["location"]) == (202, f"{path}/export")
    assert (await download(users, member)).status_code == 409
    again = await request(users, member)
    assert again.json() == accepted.json(), "a second request soon after returns the first export"
    await users.run_jobs(owner.tenant_id)

    shown = (await users.http.get(f"{path}/export", headers=member.headers)).json()
    assert (shown["id"], shown["status"], shown["requested_by"]) == (
        accepted.json()["id"],
        "ready",
        str(member.user_id),
    )
    file = await download(users, member)
    assert (file.status_code, file.headers["content-type"], file.headers["cache-control"]) == (
        200,
        "application/json",
        "no-store",
    )
    assert shown["id"] in file.headers["content-disposition"]
    content = file.json()
    assert (content["profile"]["email"], content["profile"]["display_name"]) == (member.email, "Ada King")
    assert (len(content["sessions"]), content["email_change"]["email"]) == (1, asked["email"])
    assert content["overview"]["amounts"][0]["open_minor"] == 4_200
    history = content["history"]
    assert [event["version"] for event in history] == list(range(1, content["profile"]["version"] + 1))
    assert (history[0]["type"], history[0]["data"]["email"]) == ("user.created", member.email)
    assert {event["data"].get("display_name") for event in history} >= {"Ada Lovelace", "Ada King"}
    secrets = [
        row["password_hash"] for row in await users.rows(owner.tenant_id, "select password_hash from credentials")
    ]
    assert not [secret for secret in (*secrets, "sealed_token", "ciphertext", "token_hash") if secret in file.text]


async def test_sent_invitations_are_listed_without_the_invited_address(users: UsersService) -> None:
    owner = await users.verified_tenant()
    await users.http.post("/invitations", json={"email": "guest@example.com"}, headers=owner.headers)
    content = await exported(users, owner)
    assert [each["status"] for each in content["invitations_sent"]] == ["sent"]
    assert "guest@example.com" not in str(content)


async def test_only_the_person_and_the_owner_with_a_fresh_password_get_an_export(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, other, admin = [await users.join(owner.tenant_id) for _ in range(3)]
    await users.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    admin = await signed_in(users, admin)
    stranger = await users.open_tenant()
    path = f"/users/{member.user_id}/export"
    for headers, status in ((other.headers, 404), (admin.headers, 403), (stranger.headers, 404), ({}, 401)):
        answers = [
            await users.http.post(path, headers=headers),
            await users.http.get(path, headers=headers),
            await users.http.get(f"{path}/file", headers=headers),
        ]
        assert {answer.status_code for answer in answers} == {status}, headers
    assert await users.rows(owner.tenant_id, COUNT) == [{"n": 0}]

    assert (await users.http.post(path, headers=owner.headers)).status_code == 202
    await users.run_jobs(owner.tenant_id)
    assert (await users.http.get(f"{path}/file", headers=member.headers)).status_code == 200
    users.clock.move(TOO_LATE)
    for person in (owner, member):
        answers = [await users.http.post(path, headers=person.headers), await download(users, person, member)]
        assert [answer.status_code for answer in answers] == [403, 403]
    assert (await users.http.get(path, headers=member.headers)).status_code == 200
    await confirm(users, member)
    assert (await download(users, member)).status_code == 200
    await users.http.delete("/sessions", headers=member.headers)
    assert (await download(users, member)).status_code == 401


async def test_an_export_expires_and_a_new_one_replaces_it(users: UsersService) -> None:
    owner = await users.open_tenant()
    first = (await request(users, owner)).json()
    users.clock.move(EXPORT_PAUSE)
    owner = await signed_in(users, owner)
    second = (await request(users, owner)).json()
    assert second["id"] != first["id"]
    await users.run_jobs(owner.tenant_id)  # that of the first export stores nothing
    file = await download(users, owner)
    assert second["id"] in file.headers["content-disposition"]
    async with users.unit_of_work(owner.tenant_id) as uow:
        assert not await finish_export(owner.user_id, UUID(first["id"]), b"late", users.clock.now(), uow)
    assert (await download(users, owner)).content == file.content

    await users.pass_time(EXPORT_LIFETIME)
    owner = await signed_in(users, owner)
    shown = await users.http.get(f"/users/{owner.user_id}/export", headers=owner.headers)
    assert (shown.status_code, (await download(users, owner)).status_code) == (404, 404)
    await run_cleanup(users, owner.tenant_id)
    assert await users.rows(owner.tenant_id, COUNT) == [{"n": 0}]


async def test_an_erasure_destroys_the_file_and_a_late_job_writes_none(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, late = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    await exported(users, member)
    export_id = UUID((await request(users, late)).json()["id"])
    assert await users.rows(owner.tenant_id, COUNT) == [{"n": 2}]

    async with users.unit_of_work(owner.tenant_id) as uow:
        erased = await users.http.delete(f"/users/{member.user_id}", headers=owner.headers)
        assert erased.status_code == 204
        # The job has read the person, and stores the file while the erasure runs.
        assert await finish_export(late.user_id, export_id, b"late", users.clock.now(), uow)
        erasing = asyncio.create_task(users.http.delete(f"/users/{late.user_id}", headers=owner.headers))
        await eventually(lambda: waits_for_a_lock(users, owner.tenant_id))
    assert (await erasing).status_code == 204
    assert await users.rows(owner.tenant_id, COUNT) == [{"n": 0}]

    async with users.unit_of_work(owner.tenant_id) as uow:
        assert not await finish_export(late.user_id, export_id, b"later", users.clock.now(), uow)
    await users.run_jobs(owner.tenant_id)
    assert await users.rows(owner.tenant_id, COUNT) == [{"n": 0}]
    asked = await users.http.post(f"/users/{late.user_id}/export", headers=owner.headers)
    assert asked.status_code == 404


async def test_the_release_before_erases_the_file_with_the_credentials(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await exported(users, member)
    async with users.unit_of_work(owner.tenant_id) as uow:
        await uow.rows.execute(delete(credentials).where(credentials.c.user_id == member.user_id))
    assert await users.rows(owner.tenant_id, COUNT) == [{"n": 0}]


async def test_people_and_the_owner_have_a_limit_of_exports_each(
    users: UsersService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_handlers, "EXPORTS_OF_TENANT", 1)
    owner = await users.open_tenant()
    member, other, third = [await users.join(owner.tenant_id) for _ in range(3)]
    async with users.unit_of_work(owner.tenant_id) as uow:
        await request_export(await command_of(users, member, Role.MEMBER), uow)
        waiting = asyncio.create_task(request(users, other))
        await eventually(lambda: waits_for_a_lock(users, owner.tenant_id))
    refused = await waiting
    assert (refused.status_code, int(refused.headers["retry-after"])) == (429, EXPORT_LIFETIME.total_seconds())
    assert (await request(users, member)).status_code == 202, "a person's own export does not count against them"

    accepted = await users.http.post(f"/users/{other.user_id}/export", headers=owner.headers)
    assert accepted.status_code == 202, "people cannot use up the exports of the owner"
    for of in (owner, third):
        refused = await users.http.post(f"/users/{of.user_id}/export", headers=owner.headers)
        assert refused.status_code == 429
    monkeypatch.setattr(export_handlers, "EXPORTS_OF_TENANT", 2)
    assert (await request(users, third)).status_code == 202, "the owner cannot use up those of people"
    monkeypatch.setattr(export_handlers, "EXPORTS_OF_TENANT", 1)
    users.clock.move(EXPORT_LIFETIME)
    assert (await request(users, await signed_in(users, other))).status_code == 202


async def test_an_export_has_the_newest_sessions(users: UsersService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_queries, "EXPORTED_SESSIONS", 2)
    owner = await users.open_tenant()
    for _ in range(2):
        users.clock.move(timedelta(minutes=1))
        owner = await signed_in(users, owner)
    content = await exported(users, owner)
    query = "select session_id from sessions order by opened_at desc limit 2"
    newest = [str(row["session_id"]) for row in await users.rows(owner.tenant_id, query)]
    assert [session["id"] for session in content["sessions"]] == newest


async def test_a_long_history_is_exported_from_its_end(users: UsersService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_export, "EXPORTED_EVENTS", 2)
    owner = await users.open_tenant()
    for number in range(3):
        await users.http.patch(f"/users/{owner.user_id}", json={"display_name": f"G {number}"}, headers=owner.headers)
    content = await exported(users, owner)
    assert content["history_begins_at_version"] == 4
    assert [event["version"] for event in content["history"]] == [4, 5]


async def command_of(users: UsersService, member: Member, role: Role) -> RequestExport:
    query = "select session_id from sessions where user_id = :id"
    (session,) = await users.rows(member.tenant_id, query, id=member.user_id)
    actor = ActingUser(user_id=member.user_id, role=role, session_id=session["session_id"])
    return RequestExport(user_id=member.user_id, export_id=new_id(), actor=actor, at=users.clock.now())


async def exported(users: UsersService, member: Member) -> Mapping[str, Any]:
    assert (await request(users, member)).status_code == 202
    await users.run_jobs(member.tenant_id)
    content: Mapping[str, Any] = (await download(users, member)).json()
    return content


async def request(users: UsersService, member: Member) -> httpx.Response:
    return await users.http.post(f"/users/{member.user_id}/export", headers=member.headers)


async def download(users: UsersService, member: Member, of: Member | None = None) -> httpx.Response:
    return await users.http.get(f"/users/{(of or member).user_id}/export/file", headers=member.headers)


async def signed_in(users: UsersService, member: Member) -> Member:
    """With a new session."""
    return replace(member, tokens=(await users.log_in(member.tenant_id, member.email)).json())


async def confirm(users: UsersService, member: Member) -> None:
    answer = await users.http.post("/sessions/confirm", json={"password": PASSWORD}, headers=member.headers)
    assert answer.status_code == 204, answer.text
