"""Two migrators at once, a migrator that is killed, and a database newer than the code."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.integration.postgres.upgrades.catalogue import catalogue
from waypost.kernel.errors import Misconfigured, Transient
from waypost.postgres import migrate as migrations
from waypost.postgres.migrate import migrate, migrate_toolkit
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.revisions import TOOLKIT, MigrationLine
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

_MIGRATOR = """
import asyncio, sys
from pathlib import Path
from waypost.postgres.migrate import migrate_toolkit
from waypost.postgres.revisions import MigrationLine
line = MigrationLine(owner="waypost", folder=Path(sys.argv[2]), version_table="waypost_version")
asyncio.run(migrate_toolkit("billing", sys.argv[1], toolkit=line))"""

_WAITS_FOR_A_TABLE = "select exists (select from pg_locks where relation = 'jobs'::regclass and not granted)"


async def version(where: ServiceDatabase) -> str:
    async with connected(where.owner) as owner:
        return str(await owner.fetchval("select version_num from waypost_version"))


async def test_of_two_migrators_one_waits_and_finds_nothing_to_do(
    previous: ServiceDatabase, next_release: MigrationLine
) -> None:
    migrators = (migrate_toolkit("billing", previous.owner, toolkit=next_release) for _ in range(2))
    upgrades = [upgrade for (upgrade,) in await asyncio.gather(*migrators)]
    assert sorted(each.before or "" for each in upgrades) == ["0001", "9999"]
    assert {each.after for each in upgrades} == {"9999"}


async def test_a_migrator_that_is_killed_leaves_the_old_version(
    previous: ServiceDatabase, next_release: MigrationLine
) -> None:
    before = await catalogue(previous)
    async with connected(previous.owner) as holder, connected(previous.owner) as observer, holder.transaction():
        await holder.execute("lock table jobs")  # the last table that the next version changes
        arguments = (sys.executable, "-c", _MIGRATOR, previous.owner, str(next_release.folder))
        migrator = await asyncio.create_subprocess_exec(*arguments)

        async def waits() -> bool:
            return bool(await observer.fetchval(_WAITS_FOR_A_TABLE))

        await eventually(waits, deadline_seconds=30)
        migrator.kill()
        await migrator.wait()
    assert await catalogue(previous) == before
    assert await version(previous) == "0001"
    (upgrade,) = await migrate_toolkit("billing", previous.owner, toolkit=next_release)
    assert (upgrade.before, upgrade.after) == ("0001", "9999")


async def test_a_migrator_that_waits_for_a_table_does_not_stop_its_readers(
    previous: ServiceDatabase, next_release: MigrationLine
) -> None:
    async with connected(previous.owner) as holder, connected(previous.owner) as observer:
        async with holder.transaction():
            await holder.execute("select from jobs")
            migrating = asyncio.create_task(migrate_toolkit("billing", previous.owner, toolkit=next_release))

            async def waits() -> bool:
                return bool(await observer.fetchval(_WAITS_FOR_A_TABLE))

            await eventually(waits, deadline_seconds=30)
            async with asyncio.timeout(20):
                await observer.execute("select from jobs")
            assert await version(previous) == "0001"
        (upgrade,) = await migrating
    assert (upgrade.before, upgrade.after) == ("0001", "9999")


async def test_a_deadlock_with_a_migration_ends_no_request(
    previous: ServiceDatabase, next_release: MigrationLine
) -> None:
    async with connected(previous.owner) as request, connected(previous.owner) as observer:
        async with request.transaction():
            await request.execute("select from jobs")
            migrating = asyncio.create_task(migrate_toolkit("billing", previous.owner, toolkit=next_release))

            async def waits() -> bool:
                return bool(await observer.fetchval(_WAITS_FOR_A_TABLE))

            await eventually(waits, deadline_seconds=30)
            await request.execute("select from dead_letters")  # the migration has locked it
        (upgrade,) = await migrating
    assert (upgrade.before, upgrade.after) == ("0001", "9999")


async def test_a_migrator_of_a_table_that_stays_locked_names_the_remedy(
    previous: ServiceDatabase, next_release: MigrationLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_ATTEMPTS", 1)
    before = await catalogue(previous)
    async with connected(previous.owner) as holder, holder.transaction():
        await holder.execute("select from jobs")
        with pytest.raises(Transient, match=r"changed nothing.*pg_stat_activity.*migrate again"):
            await migrate_toolkit("billing", previous.owner, toolkit=next_release)
    assert await catalogue(previous) == before


async def test_a_version_that_fails_leaves_the_old_one(previous: ServiceDatabase, next_release: MigrationLine) -> None:
    file = next_release.folder / "versions" / "9999_next.py"
    file.write_text(file.read_text().replace("alter table jobs", "alter table no_such_table"))
    before = await catalogue(previous)
    with pytest.raises(Exception, match="no_such_table"):
        await migrate_toolkit("billing", previous.owner, toolkit=next_release)
    assert await catalogue(previous) == before


async def test_a_database_of_a_newer_toolkit_is_refused_and_not_changed(
    previous: ServiceDatabase, next_release: MigrationLine
) -> None:
    await migrate_toolkit("billing", previous.owner, toolkit=next_release)
    before = await catalogue(previous)
    with pytest.raises(Misconfigured, match=r"version 9999 of waypost.*newer release migrated it\. Run that release"):
        await migrate("billing", previous.owner)
    assert await catalogue(previous) == before


async def test_a_database_of_a_newer_service_is_refused_and_not_changed(empty: ServiceDatabase) -> None:
    await migrate("billing", empty.owner)
    async with connected(empty.owner) as owner:
        await owner.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(Misconfigured, match=r"version 9999 of billing.*Run that release"):
        await migrate("billing", empty.owner)


async def test_the_toolkit_is_migrated_before_the_service(empty: ServiceDatabase) -> None:
    toolkit, service = await migrate("billing", empty.owner)
    assert (toolkit.owner, toolkit.before, toolkit.after) == ("waypost", None, TOOLKIT.revisions[-1])
    assert (service.owner, service.before, service.after) == ("billing", None, "0014")


async def test_the_roles_of_the_service_may_read_its_versions_and_not_change_them(empty: ServiceDatabase) -> None:
    await migrate("billing", empty.owner)
    for dsn in (empty.app, empty.ops):
        async with connected(dsn) as role:
            assert await role.fetchval("select version_num from waypost_version") == TOOLKIT.revisions[-1]
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute("delete from alembic_version")


def test_versions_that_are_not_one_line_are_refused(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "0001_first.py").write_text('revision = "0001"\ndown_revision = None\n')
    (versions / "0003_third.py").write_text('revision = "0003"\ndown_revision = "0002"\n')
    with pytest.raises(Misconfigured, match=r"0003_third\.py cannot be reached"):
        _ = MigrationLine(owner="waypost", folder=tmp_path, version_table="waypost_version").revisions
