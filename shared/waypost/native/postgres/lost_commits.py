"""The commits of a former primary that its successor does not have."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from waypost.native.errors import SetUpFailed

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
    primary has ended. Raises SetUpFailed if that point is unknown.
    """
    timeline, position = await _switch_point(data, successor, binaries)
    log = ("--path", str(data / "pg_wal"), "--timeline", str(timeline), "--start", position, "--rmgr", "Transaction")
    printed = await _output(binaries / "pg_waldump", *log)  # it always ends with an error: the log has no end
    return [LostCommit(transaction_id=int(number), at=at) for number, at in _COMMIT.findall(printed)]


async def _switch_point(data: Path, successor: asyncpg.Connection, binaries: Path) -> tuple[int, str]:
    """The timeline of the former primary, and the position at which the successor left it."""
    control = await _output(binaries / "pg_controldata", str(data))
    found = re.search(r"Latest checkpoint's TimeLineID: +(\d+)", control)
    if found is None:
        raise _unknown(data, "pg_controldata shows no timeline")
    timeline, history = int(found[1]), await successor.fetchval(_HISTORY)
    for line in (history or "").splitlines():
        if line.partition("\t")[0] == str(timeline):
            return timeline, line.split("\t")[1]
    raise _unknown(data, f"the new primary's history has no timeline {timeline}")


def _unknown(data: Path, reason: str) -> SetUpFailed:
    return SetUpFailed(
        "Listing the commits that the new primary lacks", reason, f"move {data} to another folder; then start again"
    )


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
