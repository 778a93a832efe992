"""What a replay found, and what came of it: for people, and for scripts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from waypost.cli.output import console, moment, readable, table
from waypost.engine.consumer.message import Message
from waypost.engine.replay import Redelivered, SelectedEvents


def told(name: str, found: SelectedEvents, redelivered: Redelivered | None) -> dict[str, Any]:
    keys = found.keys
    ordered = [message for messages in keys for message in messages]
    return {
        "consumer": name,
        "events": len(ordered),
        "keys": len(keys),
        "types": _types(ordered),
        "not_handled_yet": found.not_handled_yet,
        "read": {str(partition): {"from": begin, "to": end} for partition, (begin, end) in found.read.items()},
        "found": [_event(each) for each in ordered],
        "again": redelivered
        and {
            "delivered": redelivered.delivered,
            "seconds": round(redelivered.seconds, 3),
            "failures": [
                {**_event(each.message), "error": repr(each.error), "later_events_left": each.left}
                for each in redelivered.failures
            ],
        },
    }


def _event(message: Message) -> dict[str, Any]:
    about, record = message.attributes, message.record
    return {
        "event_id": message.event_id,
        "type": about and about.event_type,
        "tenant_id": about and about.tenant_id,
        "key": readable(message.key),
        "version": message.sequence,
        "occurred_at": about and about.occurred_at,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }


def show(name: str, found: SelectedEvents, redelivered: Redelivered | None, limit: int) -> None:
    keys = found.keys
    ordered = [message for messages in keys for message in messages]
    shown_ones = table("occurred", "type", "version", "key", "event", right=("version",))
    for each in ordered[:limit]:
        event = _event(each)
        shown_ones.add_row(
            moment(event["occurred_at"]), event["type"], str(each.sequence or "-"), event["key"], str(each.event_id)
        )
    if ordered[:limit]:
        console.print(shown_ones)
    if len(ordered) > limit > 0:
        console.print(f"… and {len(ordered) - limit} more: --limit, or --json for all")
    kinds = ", ".join(f"{count} {kind}" for kind, count in _types(ordered).items())
    console.print(f"{name}: {len(ordered)} events of {len(keys)} keys{f' ({kinds})' if kinds else ''}")
    read = " ".join(f"{partition}:{begin}-{end}" for partition, (begin, end) in found.read.items() if end)
    console.print(f"looked at {read or 'nothing: the consumer has taken in no record yet'}", soft_wrap=True)
    if found.not_handled_yet:
        console.print(f"{found.not_handled_yet} more are set aside or still to come; they have their own turn")
    if redelivered is None:
        if ordered:
            console.print("nothing was delivered; --again --reason … delivers them once more")
        return
    console.print(f"delivered {redelivered.delivered} in {redelivered.seconds:.1f} s")
    for failure in redelivered.failures:
        left = f"; {failure.left} later events of its key were left" if failure.left else ""
        console.print(f"failed: {failure.message.event_id}: {failure.error!r}{left}", soft_wrap=True)


def _types(messages: Sequence[Message]) -> dict[str, int]:
    counts = Counter(each.attributes.event_type for each in messages if each.attributes)
    return dict(sorted(counts.items()))
