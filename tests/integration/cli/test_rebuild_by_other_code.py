"""A rebuild is refused where it would drop what a newer release added."""

from pathlib import Path

import pytest

from waypost.cli.projections import find, rebuilt
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.kernel.errors import Misconfigured
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected, migrate_service


@pytest.fixture
async def where(database: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServiceDatabase:
    where = await database("users", migrate_service)
    settings = {"WAYPOST_OWNER_DSN": where.owner, "WAYPOST_APP_DSN": where.app, "WAYPOST_KAFKA_BOOTSTRAP": "unused:1"}
    (tmp_path / "users.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    return where


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("update alembic_version set version_num = '9999'", r"at version 9999 of users.*Rebuild with that release"),
        ("update waypost_version set version_num = '9999'", r"at version 9999 of waypost.*Rebuild with that release"),
        ("delete from alembic_version", r"lacks migrations of users: 0001.*Run `waypost migrate users`"),
        ("alter table accounts.users add column back_at timestamptz", r"does not declare: accounts\.users\.back_at\."),
        ("create table accounts.leaves (tenant_id uuid)", r"does not declare: accounts\.leaves\.tenant_id\."),
    ],
)
async def test_rebuild_by_code_of_another_version_is_refused(where: ServiceDatabase, change: str, message: str) -> None:
    async with connected(where.owner) as owner:
        await owner.execute(change)
        with pytest.raises(Misconfigured, match=message):
            await rebuilt(*find("users.accounts"), force=True)
        schemas = await owner.fetch("select nspname from pg_namespace where nspname like 'accounts%'")
    assert [row["nspname"] for row in schemas] == ["accounts"]


async def test_rebuild_by_the_code_of_the_database_is_accepted(where: ServiceDatabase) -> None:
    assert (await rebuilt(*find("users.accounts"), force=True)).swapped
