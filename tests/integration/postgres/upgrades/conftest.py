"""A database at the toolkit's previous version, with data; and a release of the toolkit with one
more version.
"""

import shutil
from pathlib import Path

import pytest

from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.revisions import TOOLKIT, MigrationLine
from waypost.testing.database import Databases, connected

SERVICE = "billing"
DUMP = Path(__file__).parent / "version_0001.sql"

NEXT_VERSION = """
from waypost.postgres.migration import execute_statements, service_name

revision = "9999"
down_revision = "{before}"


def upgrade() -> None:
    execute_statements(
        "create table notes (id uuid primary key)",
        f"grant select, insert on notes to {{service_name()}}_app",
        "alter table dead_letters add column note text",
        "alter table jobs add column note text",
    )
"""


async def restore_previous_version(database: ServiceDatabase) -> None:
    async with connected(database.owner) as owner:
        await owner.execute(DUMP.read_text())


async def nothing(database: ServiceDatabase) -> None:
    """An empty database."""


@pytest.fixture
async def previous(database: Databases) -> ServiceDatabase:
    return await database(SERVICE, restore_previous_version)


@pytest.fixture
async def empty(database: Databases) -> ServiceDatabase:
    return await database(SERVICE, nothing)


@pytest.fixture
def next_release(tmp_path: Path) -> MigrationLine:
    """The toolkit with one file more, which is all that its next version takes."""
    folder = tmp_path / "migrations"
    shutil.copytree(TOOLKIT.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(NEXT_VERSION.format(before=TOOLKIT.revisions[-1]))
    return MigrationLine(owner=TOOLKIT.owner, folder=folder, version_table=TOOLKIT.version_table)
