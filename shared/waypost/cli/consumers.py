"""`waypost consumers [SERVICE]`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from waypost.cli.databases import ask_service
from waypost.cli.output import AsJson, console, end_with, span_of, table, to_json
from waypost.operations.consumers import ConsumerLag, consumer_lag
from waypost.web.ops.consumers import ConsumerView

NUMBERS = ("committed", "end", "lag", "behind")


def consumers(
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """How far each consumer is behind, in records and in time, and what it has set aside."""
    found, problems = asyncio.run(ask_service(service, consumer_lag))
    consumer_positions = [consumer_position for each in found for consumer_position in each]
    if as_json:
        console.print(
            to_json([ConsumerView.model_validate(each).model_dump(mode="json") for each in consumer_positions]),
            soft_wrap=True,
        )
    else:
        _show(consumer_positions)
    end_with(problems)


def _show(consumer_positions: Sequence[ConsumerLag]) -> None:
    for each in consumer_positions:
        console.print(f"{each.group} ({each.kind}): {_summary(each)}")
        used = [partition for partition in each.partitions if partition.end]
        if used:
            shown = table("  partition", *NUMBERS, right=NUMBERS)
            for partition in used:
                numbers = (partition.committed, partition.end, partition.lag)
                place = f"  {partition.topic}/{partition.partition}"
                shown.add_row(place, *map(str, numbers), span_of(partition.behind) if partition.lag else "")
            console.print(shown)
        console.print()


def _summary(consumer_position: ConsumerLag) -> str:
    facts = [
        f"lag {consumer_position.lag}",
        f"{consumer_position.parked_keys} parked keys",
        f"letters: {', '.join(f'{n} {status}' for status, n in consumer_position.dead_letters.items() if n) or 'none open'}",
        *(f"topic {each} does not exist yet" for each in consumer_position.missing_topics),
    ]
    return ", ".join(facts)
