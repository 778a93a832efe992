"""Wrong passwords delay an address. The delay reveals nothing, survives a restart, and ends by a
mailed link.
"""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select

from infra.stack.keys import Keys
from services.users.domain.sign_in_delay import FREE_FAILURES, MAX_DELAY, SignInFailures, delay_after
from services.users.tables import sign_in_failures
from tests.integration.users.service import NOON, PASSWORD, Member, UsersService, running_users, unique_address
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.testing.eventually import eventually

WRONG = "a wrong password"
NEW = "another correct horse"
COMPANY = "Analytical Engines"


async def guess(
    users: UsersService, tenant_id: UUID, email: str, times: int = FREE_FAILURES
) -> list[tuple[int, object]]:
    answers = [await users.log_in(tenant_id, email, WRONG) for _ in range(times)]
    return [(answer.status_code, answer.json()["detail"]) for answer in answers]


async def delayed(users: UsersService) -> Member:
    member = await users.open_tenant()
    await guess(users, member.tenant_id, member.email)
    return member


async def test_the_right_password_is_refused_like_a_wrong_one_during_the_delay(users: UsersService) -> None:
    member = await delayed(users)
    right, wrong = (
        await users.log_in(member.tenant_id, member.email),
        await users.log_in(member.tenant_id, member.email, WRONG),
    )
    assert (right.status_code, right.json()["detail"]) == (401, wrong.json()["detail"])
    users.clock.move(delay_after(FREE_FAILURES))
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200


async def test_an_address_without_an_account_answers_and_is_counted_like_one_with_an_account(
    users: UsersService,
) -> None:
    member = await users.open_tenant()
    unknown = unique_address()
    answers = [await guess(users, member.tenant_id, email, FREE_FAILURES + 3) for email in (member.email, unknown)]
    assert answers[0] == answers[1]
    rows = await users.rows(
        member.tenant_id, "select failures, refused_until > failed_at as delayed from sign_in_failures"
    )
    assert [tuple(row.values()) for row in rows] == [(FREE_FAILURES, True)] * 2


async def test_a_tenant_that_does_not_exist_leaves_no_rows(users: UsersService) -> None:
    nowhere = uuid4()
    assert {status for status, _ in await guess(users, nowhere, unique_address(), 3)} == {401}
    assert await users.rows(nowhere, "select * from sign_in_failures") == []


async def test_the_delay_is_in_the_database_and_not_in_the_process(users: UsersService, keys: Keys) -> None:
    member = await delayed(users)
    async with running_users(users.where, keys) as restarted:
        assert (await restarted.log_in(member.tenant_id, member.email)).status_code == 401


async def test_other_accounts_and_other_tenants_are_not_delayed(users: UsersService) -> None:
    member = await delayed(users)
    other, elsewhere = await users.join(member.tenant_id), await users.open_tenant()
    for each in (other, elsewhere):
        assert (await users.log_in(each.tenant_id, each.email)).status_code == 200


async def test_a_mailed_link_ends_the_delay(users: UsersService) -> None:
    member = await delayed(users)
    await users.forget_password(member.tenant_id, member.email)
    assert (await users.reset_password(await users.password_link(member), NEW)).status_code == 204
    assert (await users.log_in(member.tenant_id, member.email, NEW)).status_code == 200


async def test_guesses_of_the_current_password_have_their_own_delay(users: UsersService) -> None:
    member = await users.open_tenant()
    for _ in range(FREE_FAILURES):
        assert (await users.change_password(member, WRONG, NEW)).status_code == 403
    assert (await users.change_password(member, PASSWORD, NEW)).status_code == 403
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200
    users.clock.move(delay_after(FREE_FAILURES))
    assert (await users.change_password(member, PASSWORD, NEW)).status_code == 200


async def test_parallel_guesses_learn_no_more_than_guesses_in_turn(users: UsersService) -> None:
    """Each of them counts."""
    member = await users.open_tenant()
    guesses = (users.log_in(member.tenant_id, member.email, WRONG) for _ in range(FREE_FAILURES))
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}
    assert (await users.log_in(member.tenant_id, member.email, PASSWORD)).status_code == 401


async def test_people_without_a_session_do_not_delay_the_checks_of_a_signed_in_user(users: UsersService) -> None:
    member = await delayed(users)
    body = {"password": PASSWORD}
    assert (await users.http.post("/sessions/confirm", json=body, headers=member.headers)).status_code == 204
    assert (await users.change_password(member, PASSWORD, NEW)).status_code == 200


async def test_a_right_password_counts_while_another_one_ends_the_count(users: UsersService) -> None:
    member = await users.open_tenant()
    await guess(users, member.tenant_id, member.email, 1)
    async with users.unit_of_work(member.tenant_id) as uow:
        await uow.rows.execute(select(sign_in_failures).with_for_update())
        other = asyncio.create_task(users.log_in(member.tenant_id, member.email))
        await eventually(lambda: somebody_waits_for_a_lock(users))
        await uow.rows.execute(delete(sign_in_failures))
    assert (await other).status_code == 200


async def test_a_right_password_begins_the_count_again(users: UsersService) -> None:
    member = await users.open_tenant()
    for _ in range(2):
        await guess(users, member.tenant_id, member.email, FREE_FAILURES - 1)
        assert (await users.log_in(member.tenant_id, member.email)).status_code == 200
    assert await users.rows(member.tenant_id, "select * from sign_in_failures") == []


async def test_an_erasure_and_the_nightly_job_delete_the_count(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await guess(users, owner.tenant_id, member.email, 1)
    await users.http.delete(f"/users/{member.user_id}", headers=member.headers)
    assert await users.rows(owner.tenant_id, "select * from sign_in_failures") == []
    await guess(users, owner.tenant_id, unique_address(), 1)
    users.clock.move(timedelta(days=1))
    async with users.unit_of_work(owner.tenant_id) as uow:
        await uow.jobs.enqueue("cleanup_expired")
    await users.run_jobs(owner.tenant_id)
    assert await users.rows(owner.tenant_id, "select * from sign_in_failures") == []


def test_the_delay_doubles_up_to_its_bound_and_is_forgotten_after_a_day() -> None:
    delays = [delay_after(number) for number in range(FREE_FAILURES - 1, FREE_FAILURES + 40)]
    assert delays[:3] == [timedelta(), timedelta(seconds=30), timedelta(seconds=60)]
    assert max(delays) == delays[-1] == MAX_DELAY
    before = SignInFailures(failures=30, failed_at=NOON, refused_until=NOON + MAX_DELAY)
    assert before.another(NOON + timedelta(seconds=1)) == before
    assert before.another(NOON + MAX_DELAY).failures == 31
    assert before.another(NOON + timedelta(days=1)).failures == 1


@pytest.mark.parametrize("password", ["password12", COMPANY])
async def test_an_easy_password_is_refused_wherever_one_is_chosen(users: UsersService, password: str) -> None:
    member = await users.open_tenant(name=COMPANY)
    owner = {"email": unique_address(), "password": password, "display_name": "Grace Hopper"}
    await users.forget_password(member.tenant_id, member.email)
    link = await users.password_link(member)
    answers = [
        await users.http.post("/tenants", json={"name": COMPANY, "owner": owner}),
        await users.reset_password(link, password),
        await users.change_password(member, PASSWORD, password),
    ]
    if password != COMPANY:  # a sign-up reveals neither the tenant nor its name
        answers.append(await users.http.post("/signup", json={**owner, "tenant_id": str(member.tenant_id)}))
    refused = {(answer.status_code, answer.json()["title"]) for answer in answers}
    assert refused == {(422, "Password too common")}
    assert (await users.reset_password(link, NEW)).status_code == 204  # the link is not used up
