"""A request that is sent twice has one effect and one answer, on a real database."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.integration.waypost.web.orders import POOL_SIZE, Shop, SoldOut, migrate, shop_on
from waypost.kernel.errors import ConcurrencyConflict
from waypost.ports.unit_of_work import UnitOfWork
from waypost.testing.database import Databases
from waypost.testing.tokens import bearer, principal

PATIENCE_SECONDS = 60


@pytest.fixture
async def shop(database: Databases) -> AsyncIterator[Shop]:
    async with shop_on(await database("demo", migrate)) as shop:
        yield shop


async def test_the_second_try_gets_the_first_ones_answer(shop: Shop) -> None:
    first, second = await shop.order("key-0001"), await shop.order("key-0001")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    for name in ("location", "etag", "content-type"):
        assert second.headers[name] == first.headers[name]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await shop.count() == 1


async def test_a_caller_whose_token_was_revoked_does_not_get_the_stored_answer(shop: Shop) -> None:
    assert (await shop.order("key-0001")).status_code == 201
    shop.desk.is_revoked = True
    for item in ("tea", "coffee"):
        answer = await shop.order("key-0001", item)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:waypost:problem:token-revoked")


async def test_a_request_authorizes_its_caller_once(shop: Shop) -> None:
    assert (await shop.order("key-0001")).status_code == 201
    assert shop.desk.authorized == 1


async def test_a_hundred_concurrent_duplicates_have_one_effect_and_do_not_exhaust_the_pool(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may need longer for them than the limits of a wait for a connection, and of a
    # transaction that does nothing.
    monkeypatch.setattr(shop.database._pool, "_timeout_seconds", PATIENCE_SECONDS)
    shop.desk.patience_seconds = PATIENCE_SECONDS
    shop.desk.go_on.clear()
    first = asyncio.create_task(shop.order("key-0001"))
    await shop.desk.entered.wait()
    duplicates = await asyncio.gather(*(shop.order("key-0001") for _ in range(100)))
    # Twenty times as many as there are connections, and each was answered while the first still
    # held one.
    assert len(duplicates) > 10 * POOL_SIZE
    assert Counter(each.status_code for each in duplicates) == {409: 100}
    assert {each.json()["type"] for each in duplicates} == {"urn:waypost:problem:request-in-progress"}
    other = asyncio.create_task(shop.count("idempotency_keys"))
    assert await other == 0
    shop.desk.go_on.set()
    assert (await first).status_code == 201
    assert await shop.count() == 1
    assert shop.desk.handled == 1


async def test_duplicates_that_start_together_have_one_effect(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.order("key-0001") for _ in range(100)))
    counted = Counter(each.status_code for each in answers)
    assert set(counted) <= {201, 409}
    assert counted[201] >= 1
    assert len({each.content for each in answers if each.status_code == 201}) == 1
    assert await shop.count() == 1


async def test_another_body_under_the_same_key_is_refused(shop: Shop) -> None:
    await shop.order("key-0001", "tea")
    answer = await shop.order("key-0001", "coffee")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:waypost:problem:key-reused")
    assert await shop.count() == 1


async def test_while_a_duplicate_runs_409_takes_precedence_over_422(shop: Shop) -> None:
    shop.desk.go_on.clear()
    first = asyncio.create_task(shop.order("key-0001", "tea"))
    await shop.desk.entered.wait()
    assert (await shop.order("key-0001", "coffee")).status_code == 409
    shop.desk.go_on.set()
    await first


async def test_keys_are_distinguished_by_route_path_tenant_and_user(shop: Shop) -> None:
    neighbour = principal()
    colleague = principal()
    colleague = type(colleague)(user_id=colleague.user_id, tenant_id=shop.caller.tenant_id, role=colleague.role)
    answers = [
        await shop.order("key-0001"),
        await shop.order("key-0002"),
        await shop.order("key-0001", path="/shops/north/orders"),
        await shop.order("key-0001", path="/shops/south/orders"),
        await shop.order("key-0001", caller=neighbour),
    ]
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["id"] for each in answers}) == 5
    assert (await shop.order("key-0001", caller=colleague)).status_code == 422
    assert await shop.count() == 4
    assert await shop.count(tenant=neighbour.tenant_id) == 1


async def test_a_refused_request_may_be_tried_again(shop: Shop) -> None:
    shop.desk.failures = [SoldOut()]
    assert (await shop.order("key-0001")).status_code == 409
    assert await shop.count("idempotency_keys") == 0
    assert (await shop.order("key-0001", "coffee")).status_code == 201
    assert await shop.count() == 1


async def test_a_failure_at_the_commit_keeps_no_answer(shop: Shop) -> None:
    async def lose_connection(uow: UnitOfWork) -> None:
        await uow.rows.execute(text("select pg_terminate_backend(pg_backend_pid())"))

    shop.desk.before_commit = lose_connection
    assert (await shop.order("key-0001")).status_code == 503
    shop.desk.before_commit = None
    assert (await shop.order("key-0001")).status_code == 201
    assert await shop.count() == 1


async def test_a_lost_race_is_decided_again(shop: Shop) -> None:
    shop.desk.failures = [ConcurrencyConflict("order", UUID(int=1), 1)] * 2
    assert (await shop.order("key-0001")).status_code == 201
    assert (shop.desk.handled, await shop.count()) == (3, 1)


async def test_a_key_that_was_stored_past_the_lock_is_read_again(shop: Shop) -> None:
    """Two releases that name their locks differently do not see each other's; the primary key
    does.
    """
    kept = await shop.order("key-0001")
    columns = "tenant_id, route, key, body_hash, status, headers, body, created_at"
    moved = text(
        f"insert into idempotency_keys ({columns}) select tenant_id, route, 'key-0002', body_hash, status, headers, body, created_at"
        " from idempotency_keys where key = 'key-0001'"
    )

    async def twin_commits_first(_: UnitOfWork) -> None:
        shop.desk.before_commit = None
        async with shop.database.transaction([shop.caller.tenant_id]) as rows:
            await rows.execute(moved)

    shop.desk.before_commit = twin_commits_first
    answer = await shop.order("key-0002")
    assert answer.content == kept.content
    assert await shop.count() == 1


async def test_bodies_are_not_to_be_guessed_from_the_table(shop: Shop) -> None:
    await shop.order("key-0001", "tea")
    async with shop.database.transaction([shop.caller.tenant_id]) as rows:
        kept = (await rows.execute(text("select body_hash from idempotency_keys"))).scalar_one()
    assert len(kept) == 32
    assert b"tea" not in kept


@pytest.mark.parametrize("key", ["", "short", "with space", "ключ-ключ", "a" * 256])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in bearer(shop.caller).items()]
    headers.append((b"idempotency-key", key.encode()))
    answer: httpx.Response = await shop.client.post("/orders", json={"item": "tea"}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert await shop.count() == 0


async def test_without_a_key_every_request_is_new(shop: Shop) -> None:
    for _ in range(2):
        await shop.client.post("/orders", json={"item": "tea"}, headers=bearer(shop.caller))
    assert (await shop.count(), await shop.count("idempotency_keys")) == (2, 0)
