"""The gauge of pending jobs."""

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.jobs.status import QUEUED
from waypost.kernel.backoff import Backoff
from waypost.postgres.database import Database
from waypost.telemetry import metrics

# Each condition is the predicate of a partial index. The limits bound the cost for any number of
# jobs.
PENDING = f"""
select name, status, count(*) as jobs from ({
    " union all ".join(
        f"(select name, status from jobs where {predicate} limit 10000)"
        for predicate in (*QUEUED, "status = 'running'", "status = 'dead'")
    )
}) as counted
group by name, status"""


class JobCounts(PeriodicLoop):
    """Sets the gauge of jobs per name and status."""

    name = "job counts"

    def __init__(self, database: Database, *, every_seconds: float) -> None:
        super().__init__(every_seconds=every_seconds, backoff=Backoff(first_seconds=every_seconds, factor=1.0))
        self._database = database

    async def tick(self) -> None:
        """The query reads many jobs: on the worker's session, it would delay claims and
        renewals.
        """
        rows = await self._database.fetch(PENDING)
        metrics.JOBS_PENDING.clear()
        for row in rows:
            metrics.JOBS_PENDING.labels(row["name"], row["status"]).set(row["jobs"])
