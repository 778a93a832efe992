"""A service's database that the checks examine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from waypost.operations.doctor import Diagnosis, ExaminedService, examine_service
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.read_session import read_session
from waypost.testing.database import connected

DECLARE = "insert into declared_consumers (consumer, kind, topics) values ('users.tenants', 'async-projection', $1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    database: ServiceDatabase
    examined: ExaminedService

    async def change(self, statement: str, *arguments: object) -> None:
        """Runs a statement as the owner, who may change every table."""
        async with connected(self.database.owner) as owner:
            await owner.execute("set app.tenants = '018f0000-0000-7000-8000-000000000001'")
            await owner.execute(statement, *arguments)

    async def diagnoses(self, **changes: Any) -> list[Diagnosis]:
        return (await examine_service(replace(self.examined, **changes))).diagnoses


@asynccontextmanager
async def healthy(database: ServiceDatabase, *, bootstrap: str | None, topic: str) -> AsyncIterator[Patient]:
    """A database of a service whose worker has started."""
    async with read_session(database.ops, application_name="waypost-command") as reads:
        examined = ExaminedService(name="users", reads=reads, bootstrap=bootstrap, start="python -m services.users")
        patient = Patient(database=database, examined=examined)
        await patient.change(DECLARE, [topic])
        yield patient
