"""Settings on which the durability of a commit depends, as a session of an arm sees them."""

from collections.abc import Mapping, Sequence

import asyncpg

from bench.frame.row import Arm

_READ = """
select name, setting from pg_settings
where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name"""


async def durability_of(dsn: str) -> Mapping[str, str]:
    """A role or a database can override the server's settings, so this asks as that role."""
    connection = await asyncpg.connect(dsn)
    try:
        return {row["name"]: row["setting"] for row in await connection.fetch(_READ)}
    finally:
        await connection.close()


def require_equal_durability(arms: Sequence[Arm]) -> None:
    first, *others = arms
    for arm in others:
        if arm.durability != first.durability:
            raise AssertionError(
                f"{first.name} commits with {dict(first.durability)} and {arm.name} with {dict(arm.durability)}: "
                "the comparison would be unfair; give both arms the same settings"
            )
