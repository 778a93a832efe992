"""`waypost consumers [SERVICE]`"""

import asyncio
from collections.abc import Sequence

from waypost.cli.options import OneService
from waypost.cli.output import AsJson, console, present, print_to_stderr, span_of, table
from waypost.cli.reads import read_each
from waypost.cli.services import brokers_of
from waypost.operations.consumers import ConsumerLag, consumer_lag
from waypost.postgres.declared_consumers import read_stored_consumers
from waypost.postgres.reads import Reads
from waypost.web.operator_views.consumers import ConsumerView

NUMBER_COLUMNS = ("committed", "end", "lag", "behind")


def consumers(
    service: OneService = None,
    as_json: AsJson = False,
) -> None:
    """Shows the lag of each consumer in records and in time, its parked keys and dead letters."""

    async def ask(asked: str, reads: Reads) -> tuple[str, Sequence[ConsumerLag]]:
        bootstrap = brokers_of(asked)
        return asked, await consumer_lag(await read_stored_consumers(reads), reads, bootstrap)

    results, problems = asyncio.run(read_each(service, ask))
    lags = [consumer for _, consumers in results for consumer in consumers]
    for asked in (asked for asked, consumers in results if not consumers):
        print_to_stderr(f"{asked}: no consumers; a worker stores the list of its service when it starts")
    document = [ConsumerView.model_validate(consumer).model_dump(mode="json") for consumer in lags]
    present(document, lambda: _show(lags), as_json=as_json, problems=problems)


def _show(consumers: Sequence[ConsumerLag]) -> None:
    for consumer in consumers:
        console.print(f"{consumer.group} ({consumer.kind}): {_summary(consumer)}")
        used = [partition for partition in consumer.partitions if partition.end]
        if used:
            rows = table("  partition", *NUMBER_COLUMNS, right=NUMBER_COLUMNS)
            for partition in used:
                numbers = (partition.committed, partition.end, partition.lag)
                name = f"  {partition.topic}/{partition.partition}"
                rows.add_row(name, *map(str, numbers), span_of(partition.behind) if partition.lag else "")
            console.print(rows)
        console.print()


def _summary(consumer: ConsumerLag) -> str:
    facts = [
        f"lag {consumer.lag}",
        f"{consumer.parked_keys} parked keys",
        f"dead letters: {', '.join(f'{n} {status}' for status, n in consumer.dead_letters.items() if n) or 'none open'}",
        *(f"topic {topic} does not exist yet" for topic in consumer.missing_topics),
    ]
    return ", ".join(facts)
