"""Each check of a service: a fault is named together with the command that heals it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fixtures.outbox import NewRow, write
from tests.integration.operations.doctor.patient import Patient, healthy
from waypost.operations.doctor import schemas, server
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.schema_locks import SCHEMA_LOCK
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually

DEAD_LETTER = """
insert into dead_letters (id, consumer, event_id, topic, partition, kafka_offset, key, headers, status, error_class, error)
values (gen_random_uuid(), 'users.tenants', gen_random_uuid(), 'users.tenant', 0, 1, 'key', '{}', $1, $2, 'it is too new')"""
PARK = """
insert into parked_keys (consumer, topic, key, parked_at) values ('users.tenants', 'users.tenant', 'key', now() - interval '1 hour')"""
JOB = """
insert into jobs (id, tenant_id, name, arguments, priority, enqueued_at, run_at, status, lease_until, correlation_id, causation_id)
values (gen_random_uuid(), gen_random_uuid(), 'mail_password_link', '{}', 0, now(), now() - interval '1 hour', $1,
        now() - interval '1 hour', gen_random_uuid(), gen_random_uuid())"""
MAKE_SHADOW = "create schema accounts_new create table versions (topic text)"
MAKE_LIVE = "create schema visits create table versions (topic text)"
MAKE_REPLACED = "create schema visits_old create table versions (topic text)"


@pytest.fixture
async def patient(database: Databases) -> AsyncIterator[Patient]:
    async with healthy(await database("users"), bootstrap=None, topic="users.tenant") as patient:
        yield patient


async def test_a_healthy_service_has_no_findings(patient: Patient) -> None:
    assert await patient.diagnoses() == []


@pytest.mark.parametrize(
    ("check", "faults", "problem", "remedy"),
    [
        (
            "migrations",
            [("update alembic_version set version_num = '0001'",)],
            "the database lacks migrations of users: 0002",
            "waypost migrate users",
        ),
        (
            "rebuilds",
            [(MAKE_SHADOW,)],
            "a rebuild of users.accounts was killed",
            "waypost projections rebuild users.accounts",
        ),
        (
            "rebuilds",
            [(MAKE_LIVE,), (MAKE_REPLACED,)],
            "tables of users.visits that a rebuild has replaced remain",
            "waypost migrate users",
        ),
        (
            "quarantine",
            [("insert into outbox_quarantine (shard, key, reason) values (1, 'ada', 'it is too large')",)],
            "key ada is quarantined, and 0 events wait: it is too large",
            "waypost outbox redrive --service users --key ada",
        ),
        (
            "declared-consumers",
            [("delete from declared_consumers",)],
            "no worker has started on this database",
            "python -m services.users worker",
        ),
        (
            "dead-letters",
            [(DEAD_LETTER, "dead", "ValueError")],
            "users.tenants has 1 dead letters",
            "waypost dead-letters redrive --consumer users.tenants --reason '…'",
        ),
        (
            "parked-keys",
            [(DEAD_LETTER, "retrying", "Transient"), (PARK,)],
            "1 keys of users.tenant wait in users.tenants for more than 10 minutes: a retry still fails",
            "waypost dead-letters list --consumer users.tenants",
        ),
        (
            "parked-keys",
            [(DEAD_LETTER, "waiting", None), (PARK,)],
            "1 keys of users.tenant wait in users.tenants for more than 10 minutes for an earlier event",
            "waypost events republish users.tenant --reason '…'",
        ),
        (
            "newer-schemas",
            [(DEAD_LETTER, "retrying", "NewerSchema")],
            "1 records wait in users.tenants for a newer release: it is too new",
            "deploy the release that has the schema to users",
        ),
        (
            "dead-jobs",
            [(JOB, "dead")],
            "1 jobs mail_password_link are dead",
            "waypost jobs retry --all --service users --name mail_password_link --reason '…'",
        ),
        (
            "job-backlog",
            [(JOB, "queued")],
            "1 jobs are due and do not run, the oldest since 60 minutes",
            "python -m services.users jobs",
        ),
        (
            "job-leases",
            [(JOB, "running")],
            "1 jobs belong to a process that has ended",
            "python -m services.users jobs",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
async def test_a_fault_is_named_with_its_remedy(
    patient: Patient, check: str, faults: list[tuple[str, ...]], problem: str, remedy: str
) -> None:
    for fault in faults:
        await patient.change(*fault)
    (diagnosis,) = await patient.diagnoses()
    assert (diagnosis.subject, diagnosis.check, diagnosis.is_note) == ("users", check, False)
    assert problem in diagnosis.problem
    assert remedy in diagnosis.remedy


async def test_open_dead_letters_near_their_limit(patient: Patient) -> None:
    await patient.change(DEAD_LETTER, "retrying", "Transient")
    (diagnosis,) = await patient.diagnoses(max_dead_letters=1)
    assert diagnosis.check == "dead-letter-limit"
    assert (
        "users.tenants has 1 dead letters that failed or wait behind one; at 1 its partitions stop" in diagnosis.problem
    )


async def write_late_event(patient: Patient) -> None:
    async with connected(patient.database.owner) as owner:
        await write(owner, NewRow(topic="users.user", key=b"ada", payload=b""))
        await owner.execute("update outbox set created_at = now() - interval '2 minutes'")


async def test_events_that_no_relay_publishes(patient: Patient) -> None:
    await write_late_event(patient)
    (diagnosis,) = await patient.diagnoses()
    assert diagnosis.check == "relay"
    assert "1 events wait to be published, and no relay is connected" in diagnosis.problem
    assert diagnosis.remedy == "start the worker: python -m services.users worker"


async def test_a_topic_that_a_running_relay_does_not_reach(patient: Patient) -> None:
    await write_late_event(patient)
    async with PostgresOutbox(patient.database.relay, application_name="users-relay").lease():
        (diagnosis,) = await patient.diagnoses()
    assert "1 events wait to be published to users.user" in diagnosis.problem
    assert "waypost topics" in diagnosis.remedy


async def test_an_outbox_near_its_limit(patient: Patient) -> None:
    async with connected(patient.database.owner) as owner:
        await write(owner, NewRow(topic="users.user", key=b"ada", payload=b""))
    (diagnosis,) = await patient.diagnoses(outbox_cap_rows=1)
    assert diagnosis.check == "outbox-cap"
    assert "1 of 1 rows" in diagnosis.problem


async def test_a_long_transaction(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONG_TRANSACTION", "0 seconds")
    async with connected(patient.database.app) as app, app.transaction():
        pid = await app.fetchval("select pg_backend_pid()")
        diagnoses = await patient.diagnoses()
    assert [diagnosis.check for diagnosis in diagnoses] == ["transactions"]
    assert "a transaction of users_app" in diagnoses[0].problem
    assert f"select pg_terminate_backend({pid})" in diagnoses[0].remedy


async def test_a_transaction_that_was_prepared_and_forgotten(patient: Patient) -> None:
    """The test's server prepares none: the view of the server is covered by one with a row."""
    await patient.change("create schema faked")
    await patient.change("""
        create view faked.pg_prepared_xacts as
        select 'lost' as gid, now() - interval '1 hour' as prepared, current_database() as database""")
    await patient.change(
        "grant usage on schema faked to users_ops; grant select on faked.pg_prepared_xacts to users_ops"
    )
    await patient.examined.reads._connection.execute("set search_path = faked, public, pg_catalog")  # type: ignore[attr-defined]
    (diagnosis,) = await patient.diagnoses()
    assert diagnosis.check == "prepared-transactions"
    assert "transaction lost is prepared for 60 minutes" in diagnosis.problem
    assert "rollback prepared 'lost'" in diagnosis.remedy


async def test_a_rebuild_that_runs_is_well_and_a_frozen_one_is_named(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await patient.change(MAKE_SHADOW)
    async with connected(f"{patient.database.owner}?application_name=users-rebuild-owner") as rebuild:
        await rebuild.execute("select pg_advisory_lock($1::bigint)".replace("$1", str(SCHEMA_LOCK)))
        assert await patient.diagnoses() == []
        monkeypatch.setattr(schemas, "FROZEN", "0 seconds")
        (diagnosis,) = await patient.diagnoses()
    assert "a rebuild of users.accounts has done nothing" in diagnosis.problem
    assert "pg_terminate_backend(" in diagnosis.remedy
    assert "waypost projections rebuild users.accounts" in diagnosis.remedy


async def test_a_rebuild_whose_statement_takes_long_is_well(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "FROZEN", "0 seconds")
    await patient.change(MAKE_SHADOW)
    async with connected(f"{patient.database.owner}?application_name=users-rebuild-owner") as rebuild:
        await rebuild.execute(f"select pg_advisory_lock({SCHEMA_LOCK}::bigint)")
        pid = await rebuild.fetchval("select pg_backend_pid()")
        copy = asyncio.create_task(rebuild.execute("select pg_sleep(60)"))
        async with connected(patient.database.owner) as owner:

            async def is_copying() -> bool:
                return bool(await owner.fetchval("select state = 'active' from pg_stat_activity where pid = $1", pid))

            await eventually(is_copying)
            assert await patient.diagnoses() == []
            await owner.execute("select pg_cancel_backend($1)", pid)
        await asyncio.gather(copy, return_exceptions=True)


async def test_a_check_that_fails_is_a_finding_and_the_others_run(patient: Patient) -> None:
    await patient.change("revoke select on jobs from users_ops")
    await patient.change(DEAD_LETTER, "dead", "ValueError")
    diagnoses = await patient.diagnoses()
    assert [diagnosis.check for diagnosis in diagnoses] == ["dead-letters", "dead-jobs", "job-backlog", "job-leases"]
    assert "the check failed: permission denied for table jobs" in diagnoses[1].problem
    assert "waypost doctor users" in diagnoses[1].remedy
