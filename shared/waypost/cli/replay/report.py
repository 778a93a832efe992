"""Report of a replay: the selected events and the result of their delivery."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from waypost.cli.output import console, moment, readable, table
from waypost.engine.consumer.message import Message
from waypost.engine.replay import Redelivered, SelectedEvents


def as_dict(name: str, selected: SelectedEvents, redelivered: Redelivered | None) -> dict[str, Any]:
    keys = selected.keys
    ordered = [message for messages in keys for message in messages]
    return {
        "consumer": name,
        "events": len(ordered),
        "keys": len(keys),
        "types": _types(ordered),
        "not_handled_yet": selected.not_handled_yet,
        "read": {str(partition): {"from": begin, "to": end} for partition, (begin, end) in selected.read.items()},
        "selected": [_event(message) for message in ordered],
        "again": redelivered
        and {
            "delivered": redelivered.delivered,
            "seconds": round(redelivered.seconds, 3),
            "failures": [
                {**_event(failure.message), "error": repr(failure.error), "later_events_left": failure.left}
                for failure in redelivered.failures
            ],
        },
    }


def _event(message: Message) -> dict[str, Any]:
    attributes, record = message.attributes, message.record
    return {
        "event_id": message.event_id,
        "type": attributes and attributes.event_type,
        "tenant_id": attributes and attributes.tenant_id,
        "key": readable(message.key),
        "version": message.sequence,
        "occurred_at": attributes and attributes.occurred_at,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }


def show(name: str, selected: SelectedEvents, redelivered: Redelivered | None, limit: int) -> None:
    keys = selected.keys
    ordered = [message for messages in keys for message in messages]
    rows = table("occurred", "type", "version", "key", "event", right=("version",))
    for message in ordered[:limit]:
        event = _event(message)
        rows.add_row(
            moment(event["occurred_at"]),
            event["type"],
            str(message.sequence or "-"),
            event["key"],
            str(message.event_id),
        )
    if ordered[:limit]:
        console.print(rows)
    if len(ordered) > limit > 0:
        console.print(f"… and {len(ordered) - limit} more; --limit N shows more, --json all")
    kinds = ", ".join(f"{count} {kind}" for kind, count in _types(ordered).items())
    console.print(f"{name}: {len(ordered)} events of {len(keys)} keys{f' ({kinds})' if kinds else ''}")
    read = " ".join(f"{partition}:{begin}-{end}" for partition, (begin, end) in selected.read.items() if end)
    console.print(f"searched {read or 'nothing: the consumer has processed no record yet'}", soft_wrap=True)
    if selected.not_handled_yet:
        console.print(
            f"{selected.not_handled_yet} more are dead-lettered or not processed yet; the consumer handles them later"
        )
    if redelivered is None:
        if ordered:
            console.print("nothing was delivered; --again --reason … delivers the events again")
        return
    console.print(f"delivered {redelivered.delivered} in {redelivered.seconds:.1f} s")
    for failure in redelivered.failures:
        left = f"; {failure.left} later events of its key were not delivered" if failure.left else ""
        console.print(f"failed: {failure.message.event_id}: {failure.error!r}{left}", soft_wrap=True)


def _types(messages: Sequence[Message]) -> dict[str, int]:
    counts = Counter(message.attributes.event_type for message in messages if message.attributes)
    return dict(sorted(counts.items()))
