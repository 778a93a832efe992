"""Each check of the server, its roles and its standbys."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from tests.fixtures.database_pair import DatabasePair, running_pair
from tests.integration.operations.doctor.patient import Patient, healthy
from waypost.operations.doctor import Diagnosis, examine_server, server
from waypost.postgres.read_session import read_session
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

_SLOTS = "select slot_name::text, active from pg_replication_slots"


@pytest.fixture
async def pair() -> AsyncIterator[DatabasePair]:
    async with running_pair(synchronous=False) as made:
        yield made


@pytest.fixture
async def patient(pair: DatabasePair) -> AsyncIterator[Patient]:
    databases = await pair.databases("users")
    async with healthy(databases["users"], bootstrap=None, topic="users.tenant") as patient:
        yield patient


async def of_server(patient: Patient, **changes: Any) -> list[Diagnosis]:
    return (await examine_server(replace(patient.examined, **changes))).diagnoses


async def as_superuser(pair: DatabasePair, statement: str) -> None:
    async with connected(pair.primary.admin_dsn) as admin:
        await admin.execute(statement)


async def test_a_healthy_server_has_no_findings(patient: Patient) -> None:
    assert await of_server(patient) == []
    assert await patient.diagnoses() == []


async def test_more_connections_than_the_processes_are_configured_for(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(patient.database.app):
        (diagnosis,) = await of_server(patient, connection_budget=1)
        assert "connections are open, but the processes are configured for 1" in diagnosis.problem
        assert "CONNECTION_BUDGET" in diagnosis.remedy
    monkeypatch.setattr(server, "FULL", 0.0)
    (full,) = await of_server(patient)
    assert "the server refuses more" in full.problem
    assert full.remedy == "raise max_connections, or stop processes"


async def test_a_standby_that_is_gone_one_that_never_was_and_one_that_is_not_awaited(
    pair: DatabasePair, patient: Patient
) -> None:
    async with connected(pair.primary.admin_dsn) as admin:
        awaited = await admin.fetchval("select current_setting('synchronized_standby_slots')")
        await pair.standby.kill()
        await eventually(lambda: _is_inactive(admin))

        (gone,) = await of_server(patient)
        assert f"slot {awaited} of synchronized_standby_slots has no connection" in gone.problem
        assert "start the standby, or remove it: alter system set synchronized_standby_slots" in gone.remedy

        await admin.execute("alter system set synchronized_standby_slots = 'other'")
        await admin.execute("select pg_reload_conf()")
        async with read_session(patient.database.ops, application_name="waypost-command") as reads:
            diagnoses = (await examine_server(replace(patient.examined, reads=reads))).diagnoses
    assert sorted(diagnosis.problem.partition(":")[0] for diagnosis in diagnoses) == [
        "slot other of synchronized_standby_slots does not exist",
        f"the standby of slot {awaited} is not awaited",
    ]


async def _is_inactive(admin: asyncpg.Connection) -> bool:
    return not any(row["active"] for row in await admin.fetch(_SLOTS))


async def test_a_role_without_limits_or_with_too_many_rights(pair: DatabasePair, patient: Patient) -> None:
    await as_superuser(pair, "alter role users_app reset statement_timeout")
    await as_superuser(pair, "alter role users_relay bypassrls")
    limits, rights = sorted(await patient.diagnoses(), key=lambda diagnosis: diagnosis.problem)
    assert limits.problem == "role users_app has no statement_timeout"
    assert limits.remedy == "as a superuser: alter role users_app set statement_timeout = '10s'"
    assert "role users_relay bypasses row-level security" in rights.problem
    assert rights.remedy == "as a superuser: alter role users_relay nosuperuser nobypassrls"


async def test_a_role_that_cannot_see_the_sessions(pair: DatabasePair, patient: Patient) -> None:
    await as_superuser(pair, "revoke pg_read_all_stats from users_ops")
    (diagnosis,) = await of_server(patient)
    assert diagnosis.check == "privileges"
    assert diagnosis.remedy == "as a superuser: grant pg_read_all_stats to users_ops"
