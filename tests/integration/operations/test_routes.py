"""The operator routes, which every service has."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.fixtures.operators import operator_routes
from waypost.cli.services import service_named, service_names
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.errors import Misconfigured
from waypost.kernel.partitioner import shard_for
from waypost.kernel.role import Role
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.schemas.topics import declared_topics
from waypost.testing.database import Databases, connected
from waypost.testing.tokens import bearer, operator_bearer, principal

READS = ("/ops/outbox", "/ops/consumers", "/ops/dead-letters", "/ops/jobs")


@pytest.fixture
async def where(database: Databases) -> ServiceDatabase:
    return await database("users")


@pytest.fixture
async def users(where: ServiceDatabase, kafka: str) -> AsyncIterator[httpx.AsyncClient]:
    await ensure_topics(kafka, declared_topics())
    async with operator_routes(service_named("users"), where, kafka) as http:
        yield http


@pytest.mark.parametrize("name", service_names())
async def test_every_service_has_them_for_operators_alone(name: str, database: Databases, kafka: str) -> None:
    await ensure_topics(kafka, declared_topics())
    async with operator_routes(service_named(name), await database(name), kafka) as http:
        for path in READS:
            assert (await http.get(path)).status_code == 401
            assert (await http.get(path, headers=bearer(principal(Role.OWNER)))).status_code == 403
            assert (await http.get(path, headers=operator_bearer())).status_code == 200


async def test_the_outbox_lists_quarantined_keys(users: httpx.AsyncClient, where: ServiceDatabase) -> None:
    async with connected(where.relay) as relay:
        mark = "insert into outbox_quarantine (shard, key, reason) values ($1, $2, 'too large')"
        await relay.execute(mark, shard_for(b"ada"), b"ada")
    told = (await users.get("/ops/outbox", headers=operator_bearer())).json()
    assert (told["service"], told["pending"], told["oldest_seconds"]) == ("users", 0, None)
    assert [(each["key"], each["reason"]) for each in told["quarantined_keys"]] == [("ada", "too large")]


async def test_consumers_report_their_positions(users: httpx.AsyncClient) -> None:
    told = (await users.get("/ops/consumers", headers=operator_bearer())).json()["data"]
    groups = {each["group"]: each for each in told}
    assert set(groups) == {f"users.{each.name}" for each in service_named("users").consumers}
    assert groups["users.tenants"]["kind"] == "async-projection"
    assert groups["users.tenants"]["missing_topics"] == []


async def test_an_api_that_would_operate_with_too_mighty_a_role_does_not_start(
    where: ServiceDatabase, kafka: str
) -> None:
    with pytest.raises(Misconfigured, match="WAYPOST_OPS_DSN"):
        async with operator_routes(service_named("users"), replace(where, ops=where.owner), kafka):
            raise AssertionError("it serves")


async def test_a_quarantined_key_is_released(users: httpx.AsyncClient, where: ServiceDatabase) -> None:
    async with connected(where.relay) as relay:
        mark = "insert into outbox_quarantine (shard, key, reason) values ($1, $2, 'too large')"
        await relay.execute(mark, shard_for(b"ada"), b"ada")
    order = {"key": "ada", "reason": "the broker takes more now"}
    for status in (204, 404):
        assert (await users.post("/ops/outbox/redrive", json=order, headers=operator_bearer())).status_code == status
    assert (await users.get("/ops/outbox", headers=operator_bearer())).json()["quarantined_keys"] == []
    async with connected(where.ops) as ops:
        (told,) = await ops.fetch("select operator, verb, subject, facts->>'because' from operator_actions")
    assert tuple(told) == ("grace", "outbox.redrive", "ada", "too large")
