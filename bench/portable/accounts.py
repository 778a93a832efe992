"""Counts of the jobs of a run by their outcome, from their rows when the run has ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

ID_BYTES = 16
FOLDER = "WAYPOST_ACKNOWLEDGED"
"""The variable with the folder in which an adapter of Waypost writes its acknowledged jobs."""


class AcknowledgedJobs:
    """The ids of the jobs whose commit was acknowledged to one producer. Each batch is written to a
    file at once, so that the ids survive a kill of the process.
    """

    def __init__(self, folder: Path | None, instance: int) -> None:
        self._path = None if folder is None else folder / f"instance-{instance}"

    def add(self, ids: Iterable[UUID]) -> None:
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(b"".join(each.bytes for each in ids))


def acknowledged_in(folder: Path) -> list[UUID]:
    """The ids that all producers wrote, without an incomplete one at the end of a file."""
    ids = []
    for file in sorted(folder.glob("instance-*")):
        content = file.read_bytes()
        whole = len(content) - len(content) % ID_BYTES
        ids += [UUID(bytes=content[start : start + ID_BYTES]) for start in range(0, whole, ID_BYTES)]
    return ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Where the rows of a system are."""

    database: str
    query: str
    """One row of counts. It takes the acknowledged ids if they are known."""
    knows_acknowledged: bool = False


_WAYPOST = """
with acknowledged as (select distinct id from unnest($1::uuid[]) as id),
ended as (
    select count(*) filter (where status = 'complete') as complete, count(*) filter (where status = 'dead') as dead,
           count(*) filter (where status = 'queued' and exists (select from jobs where id = job_id)) as pending,
           count(*) filter (where status = 'queued' and not exists (select from jobs where id = job_id)) as without_job
    from job_results
)
select (select count(*) from acknowledged) as acknowledged, complete, dead, pending,
       without_job + (
           select count(*) from acknowledged where not exists (select from job_results where job_id = acknowledged.id)
       ) as lost
from ended"""
"""A job and its result row are committed together, and the result row stays. A job is lost if its
result is not final and its row is gone, or if its commit was acknowledged and no result exists. No
job is counted twice.
"""

_RIVER = """
select count(*) filter (where state = 'completed') as complete,
       count(*) filter (where state in ('discarded', 'cancelled')) as dead,
       count(*) filter (where state not in ('completed', 'discarded', 'cancelled')) as pending
from river_job"""
"""River deletes completed jobs after a day."""

_PROCRASTINATE = """
select count(*) filter (where status::text = 'succeeded') as complete,
       count(*) filter (where status::text in ('failed', 'cancelled', 'aborted')) as dead,
       count(*) filter (where status::text in ('todo', 'doing', 'aborting')) as pending
from procrastinate_jobs"""
"""The harness's adapter keeps finished jobs (`delete_jobs="never"`)."""

COUNTED: Mapping[str, Counted] = {
    "waypost": Counted(database="waypost_bench", query=_WAYPOST, knows_acknowledged=True),
    "river": Counted(database="river_bench", query=_RIVER),
    "procrastinate": Counted(database="procrastinate_bench", query=_PROCRASTINATE),
}
"""By system. A peer's adapter does not report which commits were acknowledged to it, so a lost job
of a peer cannot be counted: its row does not exist.
"""


async def account_of(connection: asyncpg.Connection, counted: Counted, acknowledged: list[UUID]) -> dict[str, int]:
    """Jobs by what became of them. Raises UndefinedTableError before the system's migrations."""
    arguments = [acknowledged] if counted.knows_acknowledged else []
    (row,) = await connection.fetch(counted.query, *arguments)
    return dict(row)
