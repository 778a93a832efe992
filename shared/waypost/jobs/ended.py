"""Which jobs have ended, for requests that wait for them."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from waypost.postgres.database import Database

EndedJobs = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, bool]]]
"""Returns True by id for each of the jobs that will not run without an operator. Raises
Transient.
"""

# The table of pending jobs contains all tenants: the caller asks for jobs that it may see.
ENDED = """
select wanted.id from unnest($1::uuid[]) as wanted (id)
where not exists (select from jobs where jobs.id = wanted.id and jobs.status <> 'dead')"""


async def none_ended(job_ids: Collection[UUID]) -> Mapping[UUID, bool]:
    """`EndedJobs` of an API without a database."""
    return {}


async def ended_jobs(database: "Database", job_ids: Collection[UUID]) -> Mapping[UUID, bool]:
    async with database.autocommit() as connection:
        rows = await connection.fetch(ENDED, list(job_ids))
    return {UUID(int=row["id"].int): True for row in rows}
