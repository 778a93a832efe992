"""Streaming replication between two servers on this machine."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from waypost.native.errors import SetUpFailed
from waypost.native.ports import LOOPBACK
from waypost.native.postgres.account import give_to
from waypost.native.postgres.lost_commits import lost_commits
from waypost.native.primary_file import stored_primary

PRIMARY_SECONDS = 60
LOST_COMMITS = "lost-commits.txt"
SET_ASIDE = "data-before-promotion"
POLL_SECONDS = 0.1

_ENSURE_SLOT = """
select pg_create_physical_replication_slot($1, true)
where not exists (select from pg_replication_slots where slot_name = $1)"""

_DROP_LOST_SLOT = """
select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and wal_status = 'lost'"""

_HAS_SLOT = "select exists (select from pg_replication_slots where slot_name = $1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPair:
    """Two servers, one of which is the primary. Its name is in a file, so that a server that was
    down during a promotion starts as a standby and not as a second primary.
    """

    file: Path
    ports: Mapping[str, int]
    """By name; the first is the primary until a promotion."""
    synchronous: bool = True
    """A commit is acknowledged when the other server has it on disk."""

    @property
    def primary(self) -> str:
        return stored_primary(self.file, next(iter(self.ports)))

    def set_primary(self, name: str) -> None:
        """Stores the name of the new primary. Writes atomically."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".unfinished")
        unfinished.write_text(name)
        unfinished.replace(self.file)

    def other(self, name: str) -> str:
        (other,) = self.ports.keys() - {name}
        return other


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """One server of a pair."""

    pair: ServerPair
    name: str

    @property
    def is_primary(self) -> bool:
        return self.pair.primary == self.name

    def settings(self, user: str, password: str) -> str:
        """Lines of a `postgresql.conf`: those of both roles, because a promotion needs no restart.
        A slot keeps what its standby has not received, up to 1 GB.
        """
        other = self.pair.other(self.name)
        connection = (
            f"host={LOOPBACK} port={self.pair.ports[other]} user={user} password={password}"
            f" application_name={identifier(self.name)}"
        )
        quorum = f"ANY 1 ({identifier(other)})" if self.pair.synchronous else ""
        return f"""
synchronous_standby_names = '{quorum}'
synchronized_standby_slots = '{identifier(other)}'
primary_conninfo = '{connection}'
primary_slot_name = '{identifier(self.name)}'
wal_receiver_timeout = 5s
wal_retrieve_retry_interval = 500ms
"""


def identifier(name: str) -> str:
    """The name as PostgreSQL accepts it for slots and standbys."""
    return name.replace("-", "_")


def is_standby(data: Path) -> bool:
    return (data / "standby.signal").exists()


async def prepare_standby(
    data: Path, replication: Replication, *, binaries: Path, account: str | None, user: str, password: str
) -> None:
    """Copies the primary's data, unless `data` is a standby's that can continue. Data of a former
    primary is moved to `<data>-before-promotion`: it may hold commits that the new primary lacks.
    Those are listed in `lost-commits.txt` beside it. Raises SetUpFailed if there is no primary to
    copy.
    """
    port = replication.pair.ports[replication.pair.other(replication.name)]
    dsn = f"postgresql://{user}:{password}@{LOOPBACK}:{port}/postgres"
    if is_standby(data) and await _has_slot(dsn, replication) is not False:
        return
    await _until_primary(dsn, replication)
    unfinished = data.with_name("data-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    data.parent.chmod(0o711)  # the account must be able to traverse it, independent of the umask
    give_to(account, unfinished)
    await _copy_primary(unfinished, binaries / "pg_basebackup", port, replication, account, user, password)
    if is_standby(data):
        shutil.rmtree(data)  # a copy, too old to continue; the data of a former primary stays where it is
    elif data.exists():
        await _list_lost_commits(data, dsn, binaries)
        set_aside = data.with_name(SET_ASIDE)
        shutil.rmtree(set_aside, ignore_errors=True)
        data.rename(set_aside)
    unfinished.rename(data)


async def _list_lost_commits(data: Path, dsn: str, binaries: Path) -> None:
    successor = await asyncpg.connect(dsn, timeout=5)
    try:
        lost = await lost_commits(data, successor, binaries)
    finally:
        await successor.close()
    lines = "".join(f"{commit.at} transaction {commit.transaction_id}\n" for commit in lost)
    (data.with_name(LOST_COMMITS)).write_text(lines)


async def _has_slot(dsn: str, replication: Replication) -> bool | None:
    """None if the primary does not answer: the standby can start without it."""
    try:
        primary = await asyncpg.connect(dsn, timeout=2)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
        return None
    try:
        slot = identifier(replication.name)
        if await primary.fetchval("select pg_is_in_recovery()"):
            return None
        await primary.execute("set synchronous_commit = off")
        await primary.fetchval(_DROP_LOST_SLOT, slot)
        return bool(await primary.fetchval(_HAS_SLOT, slot))
    finally:
        await primary.close()


async def _until_primary(dsn: str, replication: Replication) -> None:
    """Waits until the other server is a primary and has a slot for this one."""
    try:
        async with asyncio.timeout(PRIMARY_SECONDS):
            while await _has_slot(dsn, replication) is None:  # noqa: ASYNC110 - the other server is another process
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        other = replication.pair.other(replication.name)
        raise SetUpFailed(
            f"Copying {other} to {replication.name}",
            f"{other} does not answer as a primary",
            f"look at the log of {other}",
        ) from None
    primary = await asyncpg.connect(dsn, timeout=5)
    try:
        await primary.fetchval(_ENSURE_SLOT, identifier(replication.name))
    finally:
        await primary.close()


async def _copy_primary(
    into: Path, program: Path, port: int, replication: Replication, account: str | None, user: str, password: str
) -> None:
    source = ("--host", LOOPBACK, "--port", str(port), "--username", user, "--slot", identifier(replication.name))
    process = await asyncio.create_subprocess_exec(
        *(str(program), "--pgdata", str(into), *source, "--wal-method", "stream", "--checkpoint", "fast"),
        user=account,
        env={**os.environ, "PGPASSWORD": password},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):  # cancelled: a second copy must not write into the same folder
            process.kill()
    if process.returncode != 0:
        raise SetUpFailed(
            "Copying the primary's data", printed.decode(), f"look at the log of the server at port {port}"
        )
    (into / "standby.signal").touch()
