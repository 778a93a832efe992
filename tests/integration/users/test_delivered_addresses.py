"""One form of an address: the unique key, the sign-in and the delivery use it."""

import pytest
from sqlalchemy import func, update

from services.users.domain.email import email_address, unicode_form
from services.users.tables import credentials, open_invitations
from tests.integration.users.invited import company
from tests.integration.users.service import Member, UsersService

DOMAINS = [
    ("faß.de", "xn--fa-hia.de"),
    ("FAß.de", "xn--fa-hia.de"),
    ("βόλος.com", "xn--nxasmm1c.com"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("ｅｘａｍｐｌｅ。com", "example.com"),
]


@pytest.mark.parametrize(("domain", "delivered"), DOMAINS)
async def test_an_account_is_stored_and_found_by_the_delivered_form(
    users: UsersService, domain: str, delivered: str
) -> None:
    owner = await users.open_tenant()
    signed_up = await users.sign_up(owner.tenant_id, f"Ada@{domain}")
    assert signed_up.json()["email"] == f"ada@{delivered}"
    user_id = signed_up.json()["id"]
    token = await users.mailed_token(owner.tenant_id, user_id)
    assert (await users.verify(token)).status_code == 200
    for spelling in (f"ada@{domain}", f"ADA@{domain}", f"ada@{delivered}", f"ada@{delivered.upper()}"):
        assert (await users.log_in(owner.tenant_id, spelling)).status_code == 200, spelling
        assert (await users.sign_up(owner.tenant_id, spelling)).status_code == 201
    stored = await users.rows(owner.tenant_id, "select email from credentials where email like 'ada@%'")
    assert [row["email"] for row in stored] == [f"ada@{delivered}"]


@pytest.mark.parametrize("again", ["sign_up", "forget_password"])
async def test_an_account_of_an_earlier_release_keeps_its_address(users: UsersService, again: str) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await store_earlier_form(users, member)
    assert (await users.log_in(owner.tenant_id, "ada@xn--bcher-kva.example")).status_code == 200
    assert (await users.log_in(owner.tenant_id, "ada@bücher.example")).status_code == 200
    await getattr(users, again)(owner.tenant_id, "ada@bücher.example")
    stored = await users.rows(
        owner.tenant_id, "select user_id from credentials where email = 'ada@xn--bcher-kva.example'"
    )
    assert [row["user_id"] for row in stored] == [member.user_id]
    assert await users.rows(owner.tenant_id, "select 1 from credentials where email like '%ü%'") == []
    assert (await users.log_in(owner.tenant_id, "ada@bücher.example")).status_code == 200


async def test_no_other_user_gets_an_address_of_an_earlier_release(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, other = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    proof = await users.mailed_token(owner.tenant_id, owner.user_id)
    assert (await users.verify(proof)).status_code == 200
    await store_earlier_form(users, member)
    invitation = {"email": "ada@bücher.example", "role": "member"}
    assert (await users.http.post("/invitations", json=invitation, headers=owner.headers)).status_code == 409
    assert (
        await users.http.post("/email/change", json={"email": "ada@bücher.example"}, headers=other.headers)
    ).is_success
    assert (await users.confirm_address(await users.proof_link(other))).status_code == 409
    assert (await users.log_in(owner.tenant_id, "ada@bücher.example")).status_code == 200


async def test_an_invitation_of_an_earlier_release_gives_the_delivered_form(users: UsersService) -> None:
    there = await company(users, "open")
    link = await there.link(await there.invited("ada@bücher.example"))
    await there.invited("eve@bücher.example")
    async with users.unit_of_work(there.tenant_id) as uow:
        earlier = func.replace(open_invitations.c.email, "xn--bcher-kva", "bücher")
        await uow.rows.execute(update(open_invitations).values(email=earlier))
    assert (await there.accept(link)).json()["email"] == "ada@xn--bcher-kva.example"
    stored = await users.rows(there.tenant_id, "select email from credentials where email like 'ada@%'")
    assert [row["email"] for row in stored] == ["ada@xn--bcher-kva.example"]
    eve = (await users.sign_up(there.tenant_id, "eve@bücher.example")).json()["id"]
    await there.act("DELETE", f"/users/{eve}")
    assert await users.rows(there.tenant_id, "select 1 from open_invitations") == []


async def store_earlier_form(users: UsersService, member: Member) -> None:
    earlier = unicode_form(email_address("ada@bücher.example"))
    async with users.unit_of_work(member.tenant_id) as uow:
        stored_earlier = update(credentials).where(credentials.c.user_id == member.user_id).values(email=earlier)
        assert (await uow.rows.execute(stored_earlier)).rowcount == 1
