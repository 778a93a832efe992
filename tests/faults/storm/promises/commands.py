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
    acknowledged = [operation for operation in evidence.operations if operation.outcome is Outcome.OK]
    types = _types_by_cause(evidence)

    def violations() -> Iterator[str]:
        for operation in acknowledged:
            missing = [event for event in CAUSES.get(operation.name, ()) if types[operation.id][event] == 0]
            if missing:
                yield f"{operation.name} {operation.id} was acknowledged, the store has no {', '.join(missing)}"
            if operation.key and not _kept(operation, evidence):
                yield f"{operation.name} {operation.id} was acknowledged, its response is not stored under its key {operation.key}"

    return finding("I1", "acknowledged commands are in the store", len(acknowledged), violations())


def refused_commands_had_no_effect(evidence: Evidence) -> Finding:
    refused = [operation for operation in evidence.operations if operation.outcome is Outcome.FAIL]
    types = _types_by_cause(evidence)

    def violations() -> Iterator[str]:
        for operation in refused:
            if types[operation.id]:
                yield f"{operation.name} {operation.id} was refused, and caused {', '.join(types[operation.id])}"
            if operation.key and _kept(operation, evidence):
                yield f"{operation.name} {operation.id} was refused, and has a response under its key {operation.key}"

    return finding("I2", "refused commands had no effect", len(refused), violations())


def unknown_commands_are_complete_or_absent(evidence: Evidence) -> Finding:
    """The response is stored in the command's own transaction: all its events exist with it, or
    none.
    """
    unknown = [operation for operation in evidence.operations if operation.outcome is Outcome.UNKNOWN and operation.key]
    types = _types_by_cause(evidence)
    happened = 0

    def violations() -> Iterator[str]:
        nonlocal happened
        for operation in unknown:
            kept, expected = _kept(operation, evidence), CAUSES.get(operation.name, ())
            happened += kept is not None
            present = [event for event in expected if types[operation.id][event]]
            if len(present) != (len(expected) if kept else 0):
                yield f"{operation.name} {operation.id} is partial: response {kept and 'stored'}, events {present}"

    found = list(violations())
    return finding("I2", "unknown commands are complete or absent", len(unknown), found, f"{happened} happened")


def repeated_commands_took_effect_once(evidence: Evidence) -> Finding:
    keyed = [operation for operation in evidence.operations if operation.key and operation.outcome is not Outcome.FAIL]
    types = _types_by_cause(evidence)

    def violations() -> Iterator[str]:
        for operation in keyed:
            for event in CAUSES.get(operation.name, ()):
                if types[operation.id][event] > 1:
                    yield f"{operation.name} {operation.id} caused {event} {types[operation.id][event]} times"
            kept = _kept(operation, evidence)
            if kept and any(answer != kept["body"] for answer in operation.answers):
                yield f"{operation.name} {operation.id} has different responses under one key {operation.key}"

    return finding("I3", "commands repeated under their key took effect once", len(keyed), violations())


def each_request_started_one_attempt(evidence: Evidence) -> Finding:
    """Payments and refunds: an invoice has one attempt per stored response."""
    asked: Counter[tuple[str, str]] = Counter()
    for _, route, _ in evidence.stored_responses:
        path = route.split("/")
        if path[-1] in ORDERS:
            asked[path[-2], ORDERS[path[-1]]] += 1
    begun = Counter(
        (str(attempt["invoice_id"]), prefix)
        for attempt in evidence.attempts
        for prefix in ORDERS.values()
        if attempt["requested_by"].startswith(prefix)
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
    for event in evidence.events:
        found[str(event.correlation_id)][event.type] += 1
    return found


def _kept(operation: Operation, evidence: Evidence) -> Row | None:
    """`POST /tenants` is identified by its response alone; no two operations share a key."""
    if operation.tenant is not None:
        return evidence.stored_responses.get((operation.tenant, operation.route, operation.key or ""))
    return next((row for (_, _, key), row in evidence.stored_responses.items() if key == operation.key), None)


CHECKS = (
    acknowledged_commands_are_stored,
    refused_commands_had_no_effect,
    unknown_commands_are_complete_or_absent,
    repeated_commands_took_effect_once,
    each_request_started_one_attempt,
)
