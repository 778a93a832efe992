"""The servers that the arms of a row share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.stack.addresses import Addresses
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, Templates, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import running_kafka
from waypost.testing.postgres import running_postgres


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    folder: Path
    """For logs; removed at the end."""
    admin_dsn: str
    """DSN of the superuser."""
    bootstrap: str
    stack: Addresses | None = None
    """The addresses of a whole stack, if that runs."""

    @asynccontextmanager
    async def databases(self) -> AsyncIterator[Databases]:
        """Yields a source of migrated databases; drops them at the end. One per row: each source
        sets the passwords of the roles.
        """
        async with connected(self.admin_dsn) as admin, Templates(admin, self.admin_dsn).lent() as databases:
            yield databases

    def dsn_of_admin(self, database: ServiceDatabase) -> str:
        """DSN of the superuser on this database."""
        return f"{self.admin_dsn.rpartition('/')[0]}/{database.name}"


@asynccontextmanager
async def postgres_and_kafka() -> AsyncIterator[Servers]:
    with scratch_folder() as folder:
        async with running_postgres(folder) as postgres, running_kafka(folder) as kafka:
            yield Servers(folder=folder, admin_dsn=postgres.admin_dsn, bootstrap=kafka.bootstrap)


@asynccontextmanager
async def no_servers() -> AsyncIterator[Servers]:
    """For arms that start their own."""
    with scratch_folder() as folder:
        yield Servers(folder=folder, admin_dsn="", bootstrap="")
