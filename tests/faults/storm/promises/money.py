"""Money: events, ledger, invoice rows and the provider's records agree to the minor unit."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from tests.faults.storm.evidence import Evidence, Row
from tests.faults.storm.promises.finding import Finding, finding

Account = tuple[UUID, str, str]
"""Tenant, currency, account."""

ENTRIES: Mapping[str, tuple[str, str, str]] = {
    "invoice.finalized": ("receivable", "revenue", "total_minor"),
    "invoice.voided": ("revenue", "receivable", "total_minor"),
    "invoice.marked_uncollectible": ("write_offs", "receivable", "total_minor"),
    "invoice.paid": ("cash", "receivable", "amount_minor"),
    "invoice.refunded": ("refunds", "cash", "amount_minor"),
    "invoice.disputed": ("disputes", "cash", "amount_minor"),
    "invoice.refund_failed": ("cash", "refunds", "amount_minor"),
    "invoice.dispute_closed": ("cash", "disputes", "amount_minor"),
}
"""Debit, credit and amount of each event that moves money. Repeated here, so that the checker
computes its own ledger.
"""


def ledgers_sum_to_nothing(evidence: Evidence) -> Finding:
    sums: Counter[tuple[UUID, str]] = Counter()
    for row in evidence.postings:
        sums[row["tenant_id"], row["currency"]] += row["amount_minor"]
    wrong = [
        f"tenant {tenant}: postings in {currency} sum to {sums[tenant, currency]}"
        for tenant, currency in sums
        if sums[tenant, currency]
    ]
    return finding("I5", "each tenant's ledger sums to 0 in each currency", len(sums), wrong)


def balances_are_the_fold_of_events(evidence: Evidence) -> Finding:
    kept: Counter[Account] = Counter()
    for row in evidence.postings:
        kept[row["tenant_id"], row["currency"], row["account"]] += row["amount_minor"]
    folded = _folded(evidence)
    wrong = [
        f"tenant {place[0]}: {place[2]} is {kept[place]} {place[1]}, its events sum to {folded[place]}"
        for place in {*kept, *folded}
        if kept[place] != folded[place]
    ]
    return finding("I5", "each balance is the fold of its events", len({*kept, *folded}), wrong)


def provider_balance_equals_ours(evidence: Evidence) -> Finding:
    """Per tenant and currency: charged less refunded, by the provider's records, is our cash. The
    drift is reported in minor units.
    """
    held: Counter[tuple[str, str]] = Counter()
    for charge in _succeeded(evidence):
        held[charge["metadata"]["tenant_id"], charge["currency"]] += (
            charge["amount_minor"] - charge["amount_refunded_minor"]
        )
    ours: Counter[tuple[str, str]] = Counter()
    for (tenant, currency, account), amount in _folded(evidence).items():
        if account == "cash":
            ours[str(tenant), currency] += amount
    drift = {place: held[place] - ours[place] for place in {*held, *ours} if held[place] != ours[place]}
    wrong = [
        f"tenant {tenant}: the provider holds {more} {currency} more than our ledger"
        for (tenant, currency), more in drift.items()
    ]
    total = sum(map(abs, drift.values()))
    return finding(
        "I5", "the provider's records equal ours", len({*held, *ours}), wrong, f"money drift {total} minor units"
    )


def each_invoice_was_charged_once(evidence: Evidence) -> Finding:
    charges, keys = defaultdict(list), Counter(this_charge["idempotency_key"] for this_charge in evidence.charges)
    for stored in _succeeded(evidence):
        charges[stored["metadata"]["invoice_id"]].append(stored)
    paid = {str(event.aggregate_id): event.event for event in evidence.of_type("invoice.paid")}

    def violations() -> Iterator[str]:
        yield from (f"{count} charges under the key {key}" for key, count in keys.items() if count > 1)
        for invoice in {*charges, *paid}:
            took = [charge["amount_minor"] for charge in charges[invoice]]
            due = [_amount(paid[invoice], "amount_minor")] if invoice in paid else []
            if took != due:
                yield f"invoice {invoice}: the provider took {took}, its events say paid {due}"

    return finding("I3", "each invoice was charged once, or not at all", len({*charges, *paid}), violations())


def each_finalized_invoice_was_charged(evidence: Evidence) -> Finding:
    """Its charge job ended, and our rows have the provider's attempts, each with the provider's
    outcome.
    """
    done = {
        job["idempotency_key"]
        for job in evidence.jobs
        if job["name"] == "charge_invoice" and job["status"] == "complete"
    }
    finalized = evidence.of_type("invoice.finalized")
    wrong = [
        f"the charge of invoice {each.aggregate_id} was never requested"
        for each in finalized
        if f"inv-{each.aggregate_id}" not in done
    ]
    return finding("I1", "the charge of each finalized invoice was requested", len(finalized), wrong)


def attempts_ended_as_the_provider_decided(evidence: Evidence) -> Finding:
    decided = {charge["idempotency_key"]: charge for charge in evidence.charges}
    decided |= {
        refund["idempotency_key"]: refund for this_charge in evidence.charges for refund in this_charge["refunds"]
    }
    ours = {this_attempt["idempotency_key"]: this_attempt for this_attempt in evidence.attempts}

    def violations() -> Iterator[str]:
        for key in decided.keys() - ours.keys():
            yield f"the provider decided about {key}, for which we have no attempt"
        for key, attempt in ours.items():
            asked = attempt["kind"] == "refund" or attempt["payment_method_id"] is not None
            if asked and (wrong := _disagreement(attempt, decided.get(key))):
                yield f"attempt {key}: {wrong}"

    return finding("I5", "each attempt ended as the provider decided", len({*ours, *decided}), violations())


def invoice_numbers_have_no_gap(evidence: Evidence) -> Finding:
    given: dict[UUID, list[int]] = defaultdict(list)
    for event in evidence.of_type("invoice.finalized"):
        given[event.tenant_id].append(_amount(event.event, "number"))
    wrong = [
        f"tenant {tenant} has the numbers {sorted(numbers)}"
        for tenant, numbers in given.items()
        if sorted(numbers) != list(range(1, len(numbers) + 1))
    ]
    return finding("I5", "each tenant's invoice numbers are 1, 2, 3 …", sum(map(len, given.values())), wrong)


def _folded(evidence: Evidence) -> Counter[Account]:
    balances: Counter[Account] = Counter()
    for event in evidence.of_type(*ENTRIES):
        debit, credit, name = ENTRIES[event.type]
        if not _moves_money(event.event):
            continue
        if getattr(event.event, "was_uncollectible", False):
            credit = "write_offs"
        amount, currency = _amount(event.event, name), str(_value(event.event, "currency"))
        balances[event.tenant_id, currency, debit] += amount
        balances[event.tenant_id, currency, credit] -= amount
    return balances


def _moves_money(event: Any) -> bool:
    """A refund that failed before it was booked moves none, and neither does a lost dispute."""
    return getattr(event, "was_booked", True) and getattr(event, "outcome", "won") == "won"


def _disagreement(attempt: Row, decision: Row | None) -> str:
    if decision is None:
        return f"is {attempt['status']} in our rows, the provider has no request"
    expected = "succeeded" if decision["status"] == "succeeded" else "declined"
    ours = (attempt["status"], attempt["provider_id"], attempt["amount_minor"], attempt["currency"])
    theirs = (expected, decision["id"], decision["amount_minor"], decision["currency"])
    return "" if ours == theirs else f"is {ours} in our rows, {theirs} at the provider"


def _succeeded(evidence: Evidence) -> list[Row]:
    return [charge for charge in evidence.charges if charge["status"] == "succeeded"]


def _amount(event: object, name: str) -> int:
    return int(_value(event, name))


def _value(event: object, name: str) -> Any:
    return getattr(event, name)


CHECKS = (
    ledgers_sum_to_nothing,
    balances_are_the_fold_of_events,
    provider_balance_equals_ours,
    each_invoice_was_charged_once,
    each_finalized_invoice_was_charged,
    attempts_ended_as_the_provider_decided,
    invoice_numbers_have_no_gap,
)
