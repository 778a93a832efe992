"""Views: invoices and the live view equal the fold of the events, and every read model equals a new
one.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.promises.finding import Finding, finding

MOVED: Mapping[str, str] = {"invoice.paid": "paid", "invoice.payment_failed": "failed", "invoice.refunded": "refunded"}
AMOUNTS: Mapping[str, tuple[str, str]] = {
    "invoice.line_added": ("total_minor", "amount_minor"),
    "invoice.paid": ("amount_paid_minor", "amount_minor"),
    "invoice.refunded": ("amount_refunded_minor", "amount_minor"),
}


def invoices_are_the_fold_of_events(evidence: Evidence) -> Finding:
    folded: dict[UUID, Counter[str]] = defaultdict(Counter)
    for event in evidence.events:
        if event.topic == "billing.invoice":
            folded[event.aggregate_id]["version"] += 1
            if event.type in AMOUNTS:
                column, name = AMOUNTS[event.type]
                folded[event.aggregate_id][column] += getattr(event.event, name)
    shown = {row["invoice_id"]: row for row in evidence.invoices}
    columns = ("version", "total_minor", "amount_paid_minor", "amount_refunded_minor")
    wrong = [
        f"invoice {invoice} is shown as {[shown.get(invoice, {}).get(each_column) for each_column in columns]}, "
        f"its events result in {[folded[invoice][this_column] for this_column in columns]}"
        for invoice in {*folded, *shown}
        if any(shown.get(invoice, {}).get(each_column) != folded[invoice][each_column] for each_column in columns)
    ]
    return finding("I3", "each invoice is shown as the fold of its events", len({*folded, *shown}), wrong)


def the_live_view_counted_each_movement_once(evidence: Evidence) -> Finding:
    moved: Counter[tuple[Any, ...]] = Counter()
    for event in evidence.of_type(*MOVED):
        place = event.tenant_id, getattr(event.event, "currency"), MOVED[event.type]  # noqa: B009 - not every event has one
        moved[(*place, "minor")] += getattr(event.event, "amount_minor")  # noqa: B009
        moved[(*place, "count")] += 1
    shown: Counter[tuple[Any, ...]] = Counter()
    for row in evidence.windows:
        for kind in MOVED.values():
            for unit in ("minor", "count"):
                shown[row["tenant_id"], row["currency"], kind, unit] += row[f"{kind}_{unit}"]
    places = {*moved, *shown}
    wrong = [
        f"tenant {place[0]}: the live view has {shown[place]} {place[2]} ({place[3]}, {place[1]}), the events {moved[place]}"
        for place in places
        if shown[place] != moved[place]
    ]
    return finding("I3", "the live view counted each movement once", len(places), wrong)


def read_models_equal_their_replay(evidence: Evidence) -> Finding:
    wrong = [f"{name} differs from its replay" for name, equal in evidence.rebuilt.items() if not equal]
    return finding("I10", "each read model equals its replay, row for row", len(evidence.rebuilt), wrong)


CHECKS = (
    invoices_are_the_fold_of_events,
    the_live_view_counted_each_movement_once,
    read_models_equal_their_replay,
)
