"""Commands and the store: acknowledged ones are stored, refused ones had no effect, unknown ones
are complete or absent, repeated ones took effect once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.faults.storm.evidence import Evidence, Row
from tests.faults.storm.operations import Operation, Outcome
from tests.faults.storm.promises.finding import Finding, finding

CAUSES: Mapping[str, Sequence[str]] = {
    "open_tenant": ("tenant.created", "user.created", "user.verification_requested"),
    "sign_up": ("user.created", "user.verification_requested"),
    "verify": ("user.email_verified",),
    "attach_card": ("payment_method.attached",),
    "create_invoice": ("invoice.created",),
    "lines": ("invoice.line_added",),
    "finalize": ("invoice.finalized",),
    "void": ("invoice.voided",),
}
"""The events of a command's own transaction, one of each. Commands that move money start an
attempt: see `money`.
"""

ORDERS = {"pay": "pay-", "refund": "ref-"}
"""Commands that start an attempt, and the prefix of its key."""


def acknowledged_commands_are_stored(evidence: Evidence) -> Finding:
    acknowledged = [each for each in evidence.operations if each.outcome is Outcome.OK]
    types = _types_by_cause(evidence)

    def violations() -> Iterator[str]:
        for each in acknowledged:
            missing = [event for event in CAUSES.get(each.name, ()) if types[each.id][event] == 0]
            if missing:
                yield f"{each.name} {each.id} was acknowledged, the store has no {', '.join(missing)}"
            if each.key and not _kept(each, evidence):
                yield f"{each.name} {each.id} was acknowledged, its response is not stored under its key {each.key}"

    return finding("I1", "acknowledged commands are in the store", len(acknowledged), violations())


def refused_commands_had_no_effect(evidence: Evidence) -> Finding:
    refused = [each for each in evidence.operations if each.outcome is Outcome.FAIL]
    types = _types_by_cause(evidence)

    def violations() -> Iterator[str]:
        for each in refused:
            if types[each.id]:
                yield f"{each.name} {each.id} was refused, and caused {', '.join(types[each.id])}"
            if each.key and _kept(each, evidence):
                yield f"{each.name} {each.id} was refused, and has a response under its key {each.key}"

    return finding("I2", "refused commands had no effect", len(refused), violations())


def unknown_commands_are_complete_or_absent(evidence: Evidence) -> Finding:
    """The response is stored in the command's own transaction: all its events exist with it, or
    none.
    """
    unknown = [each for each in evidence.operations if each.outcome is Outcome.UNKNOWN and each.key]
    types = _types_by_cause(evidence)
    happened = 0

    def violations() -> Iterator[str]:
        nonlocal happened
        for each in unknown:
            kept, expected = _kept(each, evidence), CAUSES.get(each.name, ())
            happened += kept is not None
            present = [event for event in expected if types[each.id][event]]
            if len(present) != (len(expected) if kept else 0):
                yield f"{each.name} {each.id} is partial: response {kept and 'stored'}, events {present}"

    found = list(violations())
    return finding("I2", "unknown commands are complete or absent", len(unknown), found, f"{happened} happened")


def repeated_commands_took_effect_once(evidence: Evidence) -> Finding:
    keyed = [each for each in evidence.operations if each.key and each.outcome is not Outcome.FAIL]
    types = _types_by_cause(evidence)

    def violations() -> Iterator[str]:
        for each in keyed:
            for event in CAUSES.get(each.name, ()):
                if types[each.id][event] > 1:
                    yield f"{each.name} {each.id} caused {event} {types[each.id][event]} times"
            kept = _kept(each, evidence)
            if kept and any(answer != kept["body"] for answer in each.answers):
                yield f"{each.name} {each.id} has different responses under one key {each.key}"

    return finding("I3", "commands repeated under their key took effect once", len(keyed), violations())


def each_request_started_one_attempt(evidence: Evidence) -> Finding:
    """Payments and refunds: an invoice has one attempt per stored response."""
    asked: Counter[tuple[str, str]] = Counter()
    for _, route, _ in evidence.answers:
        path = route.split("/")
        if path[-1] in ORDERS:
            asked[path[-2], ORDERS[path[-1]]] += 1
    begun = Counter(
        (str(each["invoice_id"]), prefix)
        for each in evidence.attempts
        for prefix in ORDERS.values()
        if each["requested_by"].startswith(prefix)
    )
    wrong = [
        f"invoice {invoice}: {asked[invoice, prefix]} requests {prefix}…, {begun[invoice, prefix]} attempts"
        for invoice, prefix in sorted({*asked, *begun})
        if asked[invoice, prefix] != begun[invoice, prefix]
    ]
    return finding("I3", "each payment and refund request started one attempt", asked.total(), wrong)


def _types_by_cause(evidence: Evidence) -> Mapping[str, Counter[str]]:
    """Operation to its event types, with their counts."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for each in evidence.events:
        found[str(each.correlation_id)][each.type] += 1
    return found


def _kept(operation: Operation, evidence: Evidence) -> Row | None:
    """`POST /tenants` is identified by its response alone; no two operations share a key."""
    if operation.tenant is not None:
        return evidence.answers.get((operation.tenant, operation.route, operation.key or ""))
    return next((row for (_, _, key), row in evidence.answers.items() if key == operation.key), None)


CHECKS = (
    acknowledged_commands_are_stored,
    refused_commands_had_no_effect,
    unknown_commands_are_complete_or_absent,
    repeated_commands_took_effect_once,
    each_request_started_one_attempt,
)
