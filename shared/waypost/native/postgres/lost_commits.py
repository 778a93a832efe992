"""The commits of a former primary that its successor does not have."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

_HISTORY = """
select pg_read_file(format('pg_wal/%s.history', left(pg_walfile_name(pg_current_wal_lsn()), 8)), true)"""

_COMMIT = re.compile(r"tx: +(\d+), .* desc: COMMIT ([\d-]+ [\d:.]+ \w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCommit:
    transaction_id: int
    at: str
    """In the time of the former primary."""


async def lost_commits(data: Path, successor: asyncpg.Connection, binaries: Path) -> Sequence[LostCommit]:
    """The commits in the log of `data` after the point at which the successor left it. The former
    primary has ended.
    """
    left = await _left_at(data, successor, binaries)
    if left is None:
        return []
    timeline, position = left
    log = ("--path", str(data / "pg_wal"), "--timeline", str(timeline), "--start", position, "--rmgr", "Transaction")
    printed = await _output(binaries / "pg_waldump", *log)  # it always ends with an error: the log has no end
    return [LostCommit(transaction_id=int(number), at=at) for number, at in _COMMIT.findall(printed)]


async def _left_at(data: Path, successor: asyncpg.Connection, binaries: Path) -> tuple[int, str] | None:
    """The timeline of the former primary, and the position at which the successor left it."""
    control = await _output(binaries / "pg_controldata", str(data))
    found = re.search(r"Latest checkpoint's TimeLineID: +(\d+)", control)
    if found is None:
        return None
    timeline, history = int(found[1]), await successor.fetchval(_HISTORY)
    for line in (history or "").splitlines():
        if line.partition("\t")[0] == str(timeline):
            return timeline, line.split("\t")[1]
    return None


async def _output(program: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    printed, _ = await process.communicate()
    return printed.decode(errors="replace")
