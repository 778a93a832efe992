"""`waypost jobs`, as an operator types it."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from waypost.cli.main import app
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.kernel.errors import WaypostError
from waypost.kernel.ids import TenantId, new_id
from waypost.native.ports import LOOPBACK
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected

TENANT = TenantId(new_id())
BECAUSE = ("--reason", "the rows are back", "--as", "grace")
RUN = ("jobs", "run", "users.cleanup_expired", "--tenant", str(TENANT), *BECAUSE)


@pytest.fixture
async def where(database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceDatabase:
    """The users service with its environment; the other services have no environment, and there is
    no broker.
    """
    where = await database("users")
    async with connected(where.app) as app:
        await app.execute("insert into tenants.tenant_directory values ($1, 'Engines', 'open')", TENANT)
    variables = {
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",
    }
    (tmp_path / "users.env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    return where


async def waypost(*arguments: str) -> Result:
    """Runs the command in a thread, because it starts its own event loop."""
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_a_job_is_run_looked_at_sent_again_and_taken_away(where: ServiceDatabase) -> None:
    ran = await waypost(*RUN)
    assert ran.exit_code == 0, ran.exception
    job = ran.stdout.strip()
    async with connected(where.app) as connection:
        await connection.execute(
            "update jobs set status = 'dead', attempts = 5, outages = 7, error = 'NotYet: no rows'"
        )

    (dead,) = json.loads((await waypost("jobs", "list", "--service", "users", "--dead", "--json")).stdout)
    assert (dead["id"], dead["service"], dead["status"]) == (job, "users", "dead")
    assert "5 attempts, 7 outages" in (await waypost("jobs", "list", "--dead")).stdout
    shown = (await waypost("jobs", "show", job)).stdout
    assert "users" in shown and "NotYet: no rows" in shown and str(TENANT) in shown

    tried = await waypost("jobs", "retry", "--all", "--service", "users", "--dry-run")
    assert "1 would be queued again" in tried.stdout
    tried = await waypost("jobs", "retry", job, "--dry-run", "--json")
    assert json.loads(tried.stdout) == dead
    sent = json.loads((await waypost("jobs", "retry", job, *BECAUSE, "--json")).stdout)
    assert (sent["id"], sent["service"], sent["status"]) == (job, "users", "queued")
    refused = await waypost("jobs", "retry", job, *BECAUSE)
    assert isinstance(refused.exception, WaypostError)
    assert "is queued: only a dead job can be retried" in str(refused.exception)

    rehearsed = await waypost("jobs", "retry", job, "--dry-run")
    assert str(rehearsed.exception) == str(refused.exception)

    gone = json.loads((await waypost("jobs", "cancel", job, *BECAUSE, "--json")).stdout)
    assert (gone["id"], gone["status"]) == (job, "cancelled")
    assert json.loads((await waypost("jobs", "show", job, "--json")).stdout) == gone
    listed = await waypost("jobs", "list", "--service", "users", "--tenant", str(TENANT), "--json")
    assert [(each["id"], each["status"]) for each in json.loads(listed.stdout)] == [(job, "cancelled")]
    verbs = [each["verb"] for each in json.loads((await waypost("audit", "users", "--json")).stdout)]
    assert verbs == ["jobs.cancel", "jobs.retry", "jobs.run"]


async def test_the_number_of_jobs_beyond_the_limit_is_printed(where: ServiceDatabase) -> None:
    for _ in range(3):
        await waypost(*RUN)
    async with connected(where.app) as connection:
        await connection.execute("update jobs set status = 'dead'")
    sent = await waypost("jobs", "retry", "--all", "--service", "users", "--limit", "1", *BECAUSE)
    assert "1 are queued again" in sent.stdout
    assert "2 more dead jobs match; run the same command again for the next ones" in sent.stderr


async def test_jobs_run_prints_the_job_as_json(where: ServiceDatabase) -> None:
    ran = json.loads((await waypost(*RUN, "--json")).stdout)
    assert (ran["service"], ran["name"], ran["status"]) == ("users", "cleanup_expired", "queued")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("jobs", "run", "users.cleanup_all", *RUN[3:]),
            "job 'cleanup_all' is not declared: add it to the service's JOBS; declared jobs: mail_password_link, cleanup_expired",
        ),
        ((*RUN, "--argument", "force=true"), "job cleanup_expired takes no force"),
        ((*RUN, "--argument", "force"), "--argument needs the form NAME=VALUE"),
        (("jobs", "run", "users.cleanup_expired", "--tenant", str(new_id()), *BECAUSE), "users has no tenant"),
        (("jobs", "run", "absent.cleanup_expired", *RUN[3:]), "there is no service 'absent'"),
        (("jobs", "cancel", str(new_id()), *BECAUSE), "no job"),
        (("jobs", "retry", "--all"), "needs a reason"),
        (("jobs", "retry", *BECAUSE), "name one dead job by its id, or add --all"),
        (("jobs", "list", "--service", "users", "--status", "complete"), "name the tenant as well"),
    ],
)
async def test_an_impossible_request_is_refused_and_changes_nothing(
    where: ServiceDatabase, arguments: tuple[str, ...], problem: str
) -> None:
    finished = await waypost(*arguments)
    told = str(finished.exception) if isinstance(finished.exception, WaypostError) else finished.stderr
    assert (finished.exit_code, finished.stdout) == (1, "")
    assert problem in told
    async with connected(where.ops) as ops:
        assert await ops.fetchval("select (select count(*) from jobs) + (select count(*) from operator_actions)") == 0
