"""`waypost outbox list`"""

import asyncio
from collections.abc import Sequence

from waypost.cli.options import OneService
from waypost.cli.output import AsJson, console, moment, present, readable, span_of, table
from waypost.cli.reads import read_each
from waypost.operations.outbox.status import OutboxStatus, outbox_status
from waypost.web.operator_views.outbox import OutboxView


def show(
    service: OneService = None,
    as_json: AsJson = False,
) -> None:
    """Shows how many events wait to be published, for how long, and the quarantined keys."""
    statuses, problems = asyncio.run(read_each(service, outbox_status))
    document = [OutboxView.of(status).model_dump(mode="json") for status in statuses]
    present(document, lambda: _show_all(statuses) if statuses else None, as_json=as_json, problems=problems)


def _show_all(statuses: Sequence[OutboxStatus]) -> None:
    rows = table("service", "pending", "oldest", "quarantined keys", right=("pending", "oldest", "quarantined keys"))
    for status in statuses:
        rows.add_row(
            status.service, str(status.backlog.pending), span_of(status.age), str(len(status.quarantined_keys))
        )
    console.print(rows)
    for status in statuses:
        for key in status.quarantined_keys:
            console.print(
                f"{status.service}: key {readable(key.key)} of shard {key.shard} since {moment(key.quarantined_at)},"
                f" {key.pending} rows wait: {key.reason}"
            )
