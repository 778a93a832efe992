"""Numbers of a consumer's parked keys and open dead letters."""

from waypost.ports.dead_letters import OPEN, Tally
from waypost.postgres.dead_letters.rows import IS_OPEN
from waypost.postgres.reads import Fetches

_TALLY = f"""
select 'parked' as what, count(*) from parked_keys where consumer = $1
union all
select status, count(*) from dead_letters
where consumer = $1 and {IS_OPEN} group by status"""


async def tally_of(sql: Fetches, consumer: str) -> Tally:
    counts = {row["what"]: row["count"] for row in await sql.fetch(_TALLY, consumer)}
    return Tally(parked_keys=counts["parked"], dead_letters={status: counts.get(status, 0) for status in OPEN})
