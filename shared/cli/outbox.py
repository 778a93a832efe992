"""`waypost outbox [SERVICE]`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer

from shared.cli.databases import APPLICATION_NAME, ask_all, opened
from shared.cli.output import AsJson, console, end_with, moment, readable, span_of, table, to_json
from shared.cli.services import chosen_services, setting_of
from shared.hosting.service import Service
from shared.ports.outbox import Backlog
from shared.postgres.outbox_lease import PostgresOutbox
from shared.postgres.overview import MarkedKey, marked_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    service: str
    backlog: Backlog
    marked: Sequence[MarkedKey]

    @property
    def age(self) -> timedelta | None:
        oldest = self.backlog.oldest_at
        return max(self.backlog.now - oldest, timedelta()) if oldest else None


def outbox(
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """What waits to be published, for how long, and which keys are set aside because a record of theirs was refused."""
    found, problems = asyncio.run(ask_all(chosen_services(service), waiting_of))
    if as_json:
        console.print(to_json([_told(each) for each in found]), soft_wrap=True)
    elif found:
        _show(found)
    end_with(problems)


async def waiting_of(service: Service) -> Waiting:
    """Raises Transient where the database is away."""
    async with opened(service.name) as database:
        marked = await marked_keys(database)
        backlog = await PostgresOutbox(
            setting_of(service.name, "WAYPOST_OPS_DSN"), application_name=APPLICATION_NAME
        ).backlog()
    return Waiting(service=service.name, backlog=backlog, marked=marked)


def _show(found: Sequence[Waiting]) -> None:
    shown = table("service", "pending", "oldest", "keys set aside", right=("pending", "oldest", "keys set aside"))
    for each in found:
        shown.add_row(each.service, str(each.backlog.pending), span_of(each.age), str(len(each.marked)))
    console.print(shown)
    for each in found:
        for key in each.marked:
            console.print(
                f"{each.service}: key {readable(key.key)} of shard {key.shard} since {moment(key.marked_at)},"
                f" {key.pending} rows wait: {key.reason}"
            )


def _told(waiting: Waiting) -> dict[str, Any]:
    return {
        "service": waiting.service,
        "pending": waiting.backlog.pending,
        "oldest_at": waiting.backlog.oldest_at,
        "oldest_seconds": waiting.age,
        "keys_set_aside": [{**asdict(each), "key": readable(each.key)} for each in waiting.marked],
    }
