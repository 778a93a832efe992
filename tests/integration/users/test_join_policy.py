"""Every join policy with every kind of person who signs up: who joins, and that the answer reveals
nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from schemas.users import TenantClosed
from services.users.commands import SetJoinPolicy
from services.users.domain import JoinMode, JoinPolicy, Tenant
from services.users.handlers.mail_bound import UNASKED_MAILS
from tests.integration.users.invited import Company, company, signed_up
from tests.integration.users.service import UsersService, unique_address
from tests.integration.users.test_atomicity import sign_up
from waypost.kernel.ids import TenantId

DOMAIN = "admitted.example.com"
MODES = ("closed", "domains", "approval", "open")


async def stranger(there: Company) -> str:
    return "stranger@elsewhere.example.com"


async def of_the_domain(there: Company) -> str:
    return f"ada@{DOMAIN}"


async def of_a_subdomain(there: Company) -> str:
    return f"ada@mail.{DOMAIN}"


async def invited(there: Company) -> str:
    email = "invited@elsewhere.example.com"
    await there.invited(email)
    return email


async def unverified(there: Company) -> str:
    email = "unverified@elsewhere.example.com"
    await there.allow("open")
    await signed_up(there.users, there.tenant_id, email)
    return email


async def member(there: Company) -> str:
    return (await there.member("member@elsewhere.example.com")).email


async def suspended(there: Company) -> str:
    gone = await there.member("suspended@elsewhere.example.com")
    await there.act("POST", f"/users/{gone.user_id}/suspend")
    return gone.email


async def erased(there: Company) -> str:
    gone = await there.member("erased@elsewhere.example.com")
    await there.act("DELETE", f"/users/{gone.user_id}")
    return gone.email


Person = Callable[[Company], Awaitable[str]]
OUTCOMES: Mapping[Person, tuple[str, str, str, str]] = {
    stranger: ("nothing", "nothing", "request", "user"),
    of_the_domain: ("nothing", "user", "request", "user"),
    of_a_subdomain: ("nothing", "nothing", "request", "user"),
    invited: ("nothing", "nothing", "nothing", "user"),
    unverified: ("link", "link", "link", "link"),
    member: ("nothing", "nothing", "nothing", "nothing"),
    suspended: ("nothing", "nothing", "nothing", "nothing"),
    erased: ("nothing", "nothing", "request", "user"),
}
"""By policy, in the order of MODES."""
EFFECTS = {
    "nothing": {},
    "link": {"events": 1, "outbox": 1},
    "request": {"events": 1, "outbox": 2, "person_keys": 1, "open_invitations": 1, "invitations": 1},
    "user": {"events": 2, "outbox": 3, "person_keys": 1, "users": 1, "credentials": 1, "verification_tokens": 1},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("person", OUTCOMES, ids=lambda person: person.__name__)
async def test_the_policy_decides_who_joins_and_the_answer_reveals_nothing(
    users: UsersService, person: Person, mode: str
) -> None:
    there = await company(users)
    email = await person(there)
    await there.allow(mode, *([DOMAIN] if mode == "domains" else []))
    before = await users.row_counts(there.tenant_id)

    answer = await signed_up(users, there.tenant_id, email)

    after = await users.row_counts(there.tenant_id)
    effect = {table: after[table] - before[table] for table in after if after[table] != before[table]}
    assert effect == EFFECTS[OUTCOMES[person][MODES.index(mode)]]
    assert _shape(answer) == _shape(await signed_up(users, uuid4(), email))


async def test_unknown_and_closed_tenants_answer_like_others_and_store_nothing(users: UsersService) -> None:
    there, shut, unknown = await company(users, "open"), await company(users, "open"), uuid4()
    async with users.unit_of_work(shut.tenant_id) as uow:
        tenant = await uow.load(Tenant, shut.tenant_id)
        tenant.record(TenantClosed(tenant_id=shut.tenant_id, reason="test", closed_at=users.clock.now()))
    before = [await users.row_counts(tenant_id) for tenant_id in (shut.tenant_id, unknown)]
    email = unique_address()
    answers = [await signed_up(users, tenant_id, email) for tenant_id in (there.tenant_id, shut.tenant_id, unknown)]
    assert _shape(answers[1]) == _shape(answers[2]) == _shape(answers[0])
    assert [await users.row_counts(tenant_id) for tenant_id in (shut.tenant_id, unknown)] == before


async def test_every_sign_up_writes(users: UsersService) -> None:
    """A commit without writes does not wait for the disk, so its time would reveal the policy. A
    transaction gets an id when it writes.
    """
    there = await company(users)
    member, unknown = await there.member(), uuid4()
    for tenant_id, email in (
        (there.tenant_id, unique_address()),
        (there.tenant_id, member.email),
        (there.tenant_id, there.owner.email),
        *[(unknown, member.email)] * (UNASKED_MAILS + 1),  # the last one beyond the bound of mails
    ):
        async with users.unit_of_work(tenant_id) as uow:
            await users.bus.execute(sign_up(users, tenant_id, email), uow)
            await uow.flush()
            writes = select(func.pg_current_xact_id_if_assigned().is_not(None))
            assert (await uow.rows.execute(writes)).scalar_one(), (tenant_id, email)


async def test_a_tenant_is_closed_unless_its_owner_opens_it(users: UsersService) -> None:
    owner = {"email": unique_address(), "password": "a long password", "display_name": "Grace"}
    made = (await users.http.post("/tenants", json={"name": "Engines", "owner": owner})).json()
    tenant_id = UUID(made["tenant_id"])
    assert await users.event_types(tenant_id, tenant_id) == ["tenant.created"]
    before = await users.row_counts(tenant_id)
    assert (await signed_up(users, tenant_id, unique_address())).status_code == 201
    assert await users.row_counts(tenant_id) == before


async def test_an_owner_sets_the_policy_and_admins_see_it(users: UsersService) -> None:
    there = await company(users)
    admin, plain = await there.admin(), await there.member()
    listed = {"mode": "domains", "domains": ["B.example.com", "a.example.com", "b.example.com"]}
    seen = await there.put_policy(listed)
    assert seen.json() == {"mode": "domains", "domains": ["a.example.com", "b.example.com"]}
    for caller, expected in ((there.owner, 200), (admin, 200), (plain, 403)):
        shown = await users.http.get("/join-policy", headers=caller.headers)
        assert shown.status_code == expected
        assert expected != 200 or (shown.json(), shown.headers["etag"]) == (seen.json(), seen.headers["etag"])
    for caller in (admin, plain):
        assert (await there.put_policy({"mode": "open"}, by=caller)).status_code == 403
    assert (await users.http.put("/join-policy", json={"mode": "open"})).status_code == 401


async def test_a_policy_that_was_changed_meanwhile_is_not_overwritten(users: UsersService) -> None:
    there = await company(users)
    first = await there.put_policy({"mode": "approval"})
    assert (await there.put_policy({"mode": "open"}, if_match='"1"')).status_code == 412
    again = await there.put_policy({"mode": "approval"}, if_match=first.headers["etag"])
    assert again.headers["etag"] == first.headers["etag"]
    types = await users.event_types(there.tenant_id, there.tenant_id)
    assert types == ["tenant.created", "tenant.join_policy_changed"]


async def test_a_person_who_was_admitted_before_may_still_verify(users: UsersService) -> None:
    there = await company(users, "open")
    email = unique_address()
    user_id = UUID((await signed_up(users, there.tenant_id, email)).json()["id"])
    await there.allow("closed")
    token = await users.mailed_token(there.tenant_id, user_id)
    assert (await users.verify(token)).status_code == 200


async def test_a_closed_tenants_policy_stays(users: UsersService) -> None:
    there = await company(users)
    policy = JoinPolicy.of(JoinMode.OPEN)
    async with users.unit_of_work(there.tenant_id) as uow:
        tenant = await uow.load(Tenant, there.tenant_id)
        tenant.record(TenantClosed(tenant_id=there.tenant_id, reason="test", closed_at=users.clock.now()))
    with pytest.raises(Exception, match="The tenant is closed"):
        await users.handle(
            SetJoinPolicy(tenant_id=TenantId(there.tenant_id), policy=policy, at=users.clock.now()), there.tenant_id
        )


def _shape(answer: httpx.Response) -> object:
    """The answer without the id of the user and of the tenant."""
    body = {**answer.json(), "id": None, "tenant_id": None}
    assert answer.headers["location"] == f"/users/{answer.json()['id']}"
    own = {"location", "date", "x-request-id", "content-length", "traceparent"}
    return answer.status_code, body, {name: value for name, value in answer.headers.items() if name not in own}
