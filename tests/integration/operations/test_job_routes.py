"""`/ops/jobs` of a service that has some: the same verbs as the command's."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fixtures.operators import operator_routes
from waypost.cli.services import service_named
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.native.ports import LOOPBACK
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected
from waypost.testing.tokens import bearer, operator_bearer, principal

TENANT = TenantId(new_id())
BECAUSE = {"reason": "the rows are back"}


@pytest.fixture
async def where(database: Databases) -> ServiceDatabase:
    where = await database("users")
    async with connected(where.app) as app:
        await app.execute("insert into tenants.tenant_directory values ($1, 'Engines', 'open')", TENANT)
    return where


@pytest.fixture
async def http(where: ServiceDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async with operator_routes(service_named("users"), where, f"{LOOPBACK}:1") as http:
        http.headers.update(operator_bearer("grace"))
        yield http


async def run(http: httpx.AsyncClient) -> str:
    body = {**BECAUSE, "name": "cleanup_expired", "tenant_id": str(TENANT)}
    answer = await http.post("/ops/jobs", json=body)
    assert answer.status_code == 201
    job_id: str = answer.json()["id"]
    return job_id


async def test_a_job_is_run_found_sent_again_and_cancelled(http: httpx.AsyncClient, where: ServiceDatabase) -> None:
    job = await run(http)
    shown = (await http.get(f"/ops/jobs/{job}")).json()
    assert (shown["name"], shown["status"], shown["arguments"]) == ("cleanup_expired", "queued", {})
    assert (await http.post(f"/ops/jobs/{job}/retry", json=BECAUSE)).status_code == 409
    async with connected(where.app) as app:
        await app.execute("update jobs set status = 'dead', attempts = 5, outages = 7, error = 'NotYet: x'")
    (dead,) = (await http.get("/ops/jobs", params={"status": "dead", "tenant_id": str(TENANT)})).json()["data"]
    assert (dead["id"], dead["error"], dead["attempts"], dead["outages"]) == (job, "NotYet: x", 5, 7)
    (would,) = (await http.post("/ops/jobs/retry", json={**BECAUSE, "dry_run": True})).json()["data"]
    assert (would["id"], (await http.get(f"/ops/jobs/{job}")).json()["status"]) == (job, "dead")
    again = (await http.post(f"/ops/jobs/{job}/retry", json=BECAUSE)).json()
    assert (again["status"], again["attempts"], again["outages"], again["operator_retries"]) == ("queued", 0, 0, 1)
    assert (await http.post(f"/ops/jobs/{job}/cancel", json=BECAUSE)).json()["status"] == "cancelled"
    assert (await http.get("/ops/jobs")).json()["data"] == []
    (gone,) = (await http.get("/ops/jobs", params={"tenant_id": str(TENANT)})).json()["data"]
    assert (gone["id"], gone["status"]) == (job, "cancelled")
    async with connected(where.ops) as ops:
        told = await ops.fetch("select operator, reason, verb, subject from operator_actions order by id")
    assert [tuple(each) for each in told] == [
        ("grace", BECAUSE["reason"], verb, job) for verb in ("jobs.run", "jobs.retry", "jobs.cancel")
    ]


async def test_many_are_sent_again(http: httpx.AsyncClient, where: ServiceDatabase) -> None:
    jobs = {await run(http) for _ in range(2)}
    async with connected(where.app) as app:
        await app.execute("update jobs set status = 'dead'")
    order = {**BECAUSE, "name": "cleanup_expired"}
    would = (await http.post("/ops/jobs/retry", json={**order, "dry_run": True, "limit": 1})).json()
    assert (len(would["data"]), would["left"]) == (1, 1)
    sent = (await http.post("/ops/jobs/retry", json=order)).json()
    assert ({each["id"] for each in sent["data"]}, sent["left"]) == (jobs, 0)
    assert {each["status"] for each in (await http.get("/ops/jobs")).json()["data"]} == {"queued"}


async def test_what_is_wrong_changes_nothing(http: httpx.AsyncClient) -> None:
    job, nobody = await run(http), str(new_id())
    wrong = (
        {"name": "cleanup_all"},
        {"arguments": {"force": True}},
        {"reason": " "},
        {"tenant_id": "x"},
        {"force": True},
    )
    good = {**BECAUSE, "name": "cleanup_expired", "tenant_id": str(TENANT)}
    for each in wrong:
        assert (await http.post("/ops/jobs", json={**good, **each})).status_code == 422
    assert (await http.post("/ops/jobs", json={**good, "tenant_id": nobody})).status_code == 404
    for verb in ("retry", "cancel"):
        assert (await http.post(f"/ops/jobs/{job}/{verb}", json={})).status_code == 422
        assert (await http.post(f"/ops/jobs/{nobody}/{verb}", json=BECAUSE)).status_code == 404
    assert (await http.get(f"/ops/jobs/{nobody}")).status_code == 404
    assert (await http.get("/ops/jobs", params={"status": "complete"})).status_code == 422
    assert [each["id"] for each in (await http.get("/ops/jobs")).json()["data"]] == [job]


async def test_no_tenants_token_changes_anything(http: httpx.AsyncClient) -> None:
    job, owner = await run(http), bearer(principal(Role.OWNER))
    for path in ("/ops/jobs", "/ops/jobs/retry", f"/ops/jobs/{job}/retry", f"/ops/jobs/{job}/cancel"):
        assert (await http.post(path, json=BECAUSE, headers=owner)).status_code == 403
        assert (await http.post(path, json=BECAUSE, headers={"authorization": ""})).status_code == 401
    assert (await http.get(f"/ops/jobs/{job}")).json()["status"] == "queued"
