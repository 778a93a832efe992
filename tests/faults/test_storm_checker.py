"""The storm's checks: each finds the flaw that it is for, and reports nothing for a flawless
history.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.billing import InvoiceFinalized, InvoicePaid
from tests.faults.storm import flawless_history
from tests.faults.storm.evidence import Evidence, Settled
from tests.faults.storm.operations import Outcome, Try
from tests.faults.storm.promises import examine

Flaw = Callable[[Evidence], Evidence]


def event_lost(evidence: Evidence) -> Evidence:
    return replace(evidence, events=[event for event in evidence.events if event.type != "invoice.line_added"])


def record_lost(evidence: Evidence) -> Evidence:
    return replace(evidence, records=evidence.records[1:])


def record_of_nothing(evidence: Evidence) -> Evidence:
    return replace(evidence, events=[event for event in evidence.events if event.type != "tenant.created"])


def record_changed(evidence: Evidence) -> Evidence:
    first, *others = evidence.records
    return replace(evidence, records=[replace(first, value=b"other"), *others])


def records_swapped(evidence: Evidence) -> Evidence:
    records = list(evidence.records)
    one, other, *_ = (index for index, each in enumerate(records) if each.key == str(flawless_history.INVOICE))
    records[one], records[other] = records[other], records[one]
    return replace(evidence, records=records)


def event_not_processed(evidence: Evidence) -> Evidence:
    return replace(evidence, processed={flawless_history.CONSUMER: frozenset()})


def unknown_event_processed(evidence: Evidence) -> Evidence:
    return replace(
        evidence, processed={flawless_history.CONSUMER: evidence.processed[flawless_history.CONSUMER] | {uuid4()}}
    )


def guard_behind(evidence: Evidence) -> Evidence:
    return replace(evidence, guards=dict.fromkeys(evidence.guards, 1))


def customer_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, customers=[*evidence.customers, *evidence.customers])


def tenant_unknown(evidence: Evidence) -> Evidence:
    return replace(evidence, directories={"billing": frozenset()})


def answer_lost(evidence: Evidence) -> Evidence:
    return replace(evidence, stored_responses={})


def with_tries(evidence: Evidence, name: str, **tries: Any) -> Evidence:
    """Copies the evidence with other attempts of that operation."""
    return replace(
        evidence,
        operations=[
            replace(operation, **tries) if operation.name == name else operation for operation in evidence.operations
        ],
    )


def refusal_with_effect(evidence: Evidence) -> Evidence:
    return with_tries(evidence, "create_invoice", tries=[Try(outcome=Outcome.FAIL, status=422)])


def half_an_unknown(evidence: Evidence) -> Evidence:
    stored_responses = {place: row for place, row in evidence.stored_responses.items() if place[1] != "POST /invoices"}
    return with_tries(replace(evidence, stored_responses=stored_responses), "create_invoice", tries=[Try()])


def two_answers_under_one_key(evidence: Evidence) -> Evidence:
    tries = [Try(outcome=Outcome.OK, status=201, answer={"of": of}) for of in (flawless_history.CREATING, "another")]
    return with_tries(evidence, "create_invoice", tries=tries)


def order_without_attempt(evidence: Evidence) -> Evidence:
    place = str(flawless_history.TENANT), f"POST /invoices/{flawless_history.INVOICE}/refund", "key"
    return replace(evidence, stored_responses={**evidence.stored_responses, place: {"status": 202, "body": {}}})


def notification_missing(evidence: Evidence) -> Evidence:
    notification = next(event.aggregate_id for event in evidence.of_type("notification.queued"))
    return replace(evidence, events=[stored for stored in evidence.events if stored.aggregate_id != notification])


def notification_without_fact(evidence: Evidence) -> Evidence:
    return replace(evidence, events=[event for event in evidence.events if event.type != "invoice.paid"])


def mail_missing(evidence: Evidence) -> Evidence:
    return replace(evidence, mails=evidence.mails[1:])


def mail_to_another(evidence: Evidence) -> Evidence:
    first, *others = evidence.mails
    return replace(evidence, mails=[{**first, "to": ["eve@example.com"]}, *others])


def mail_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, mails=[*evidence.mails, evidence.mails[0]])


def charged_twice(evidence: Evidence) -> Evidence:
    return replace(
        evidence,
        charges=[
            flawless_history.charge(),
            flawless_history.charge(id="ch_2", idempotency_key=f"inv-{flawless_history.INVOICE}-2"),
        ],
    )


def charge_of_more(evidence: Evidence) -> Evidence:
    return replace(evidence, charges=[flawless_history.charge(amount_minor=flawless_history.AMOUNT + 1)])


def charge_job_lost(evidence: Evidence) -> Evidence:
    return replace(evidence, jobs=[job for job in evidence.jobs if job["name"] != "charge_invoice"])


def ledger_lopsided(evidence: Evidence) -> Evidence:
    return replace(evidence, postings=evidence.postings[1:])


def posting_on_a_wrong_account(evidence: Evidence) -> Evidence:
    wrong = [
        {**posting, "account": "refunds"} if posting["account"] == "cash" else posting for posting in evidence.postings
    ]
    return replace(evidence, postings=wrong)


def number_skipped(evidence: Evidence) -> Evidence:
    changed = [
        replace(event, event=replace(event.event, number=2)) if isinstance(event.event, InvoiceFinalized) else event
        for event in evidence.events
    ]
    return replace(evidence, events=changed)


def invoice_shown_wrong(evidence: Evidence) -> Evidence:
    return replace(evidence, invoices=[{**invoice, "amount_paid_minor": 0} for invoice in evidence.invoices])


def live_view_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, windows=[*evidence.windows, *evidence.windows])


def replay_differs(evidence: Evidence) -> Evidence:
    return replace(evidence, rebuilt={"billing.invoices": False})


def charge_of_another_tenant(evidence: Evidence) -> Evidence:
    charge = flawless_history.charge()
    return replace(evidence, charges=[{**charge, "metadata": {**charge["metadata"], "tenant_id": str(uuid4())}}])


def event_of_another_tenant(evidence: Evidence) -> Evidence:
    changed = [
        replace(event, tenant_id=UUID(int=99)) if isinstance(event.event, InvoicePaid) else event
        for event in evidence.events
    ]
    return replace(evidence, events=changed)


def another_tenants_invoice_answered(evidence: Evidence) -> Evidence:
    seen = flawless_history.operation("void_of_another_tenant", str(uuid4()), Outcome.OK, "POST /invoices/x/void")
    return replace(evidence, operations=[*evidence.operations, seen])


def rows_left(evidence: Evidence) -> Evidence:
    return replace(evidence, settled=Settled(seconds=1, left={"users: outbox rows": 1}))


FLAWS: list[tuple[Flaw, str]] = [
    (event_lost, "acknowledged commands are in the store"),
    (answer_lost, "acknowledged commands are in the store"),
    (refusal_with_effect, "refused commands had no effect"),
    (half_an_unknown, "unknown commands are complete or absent"),
    (two_answers_under_one_key, "commands repeated under their key took effect once"),
    (order_without_attempt, "each payment and refund request started one attempt"),
    (record_lost, "every stored event is on its topic"),
    (record_of_nothing, "every record is a stored event, byte for byte"),
    (record_changed, "every record is a stored event, byte for byte"),
    (records_swapped, "each aggregate's versions are in order"),
    (event_lost, "no aggregate's stored versions have a gap"),
    (event_not_processed, "every subscribed consumer processed every event"),
    (unknown_event_processed, "consumers processed only stored events"),
    (guard_behind, "each consumer handled each aggregate up to its last version"),
    (customer_twice, "each user became one customer and one recipient"),
    (tenant_unknown, "each service's directory holds every tenant"),
    (notification_missing, "each fact became one notification"),
    (notification_without_fact, "each notification has a stored fact of its tenant"),
    (mail_missing, "each notification is in the mailbox"),
    (mail_to_another, "each mail is a notification, in its recipient's mailbox"),
    (mail_twice, "no notification was mailed more often than its job was interrupted"),
    (charged_twice, "each invoice was charged once, or not at all"),
    (charged_twice, "the provider's records equal ours"),
    (charge_of_more, "each attempt ended as the provider decided"),
    (charge_job_lost, "the charge of each finalized invoice was requested"),
    (ledger_lopsided, "each tenant's ledger sums to 0 in each currency"),
    (posting_on_a_wrong_account, "each balance is the fold of its events"),
    (number_skipped, "each tenant's invoice numbers are 1, 2, 3 …"),
    (invoice_shown_wrong, "each invoice is shown as the fold of its events"),
    (live_view_twice, "the live view counted each movement once"),
    (replay_differs, "each read model equals its replay, row for row"),
    (charge_of_another_tenant, "every effect of an event belongs to its tenant"),
    (event_of_another_tenant, "a command's events belong to its tenant"),
    (another_tenants_invoice_answered, "another tenant's invoice is answered with 404"),
    (rows_left, "lag, outbox, jobs and dead letters reached 0 without intervention"),
]


def test_a_history_without_a_flaw_is_found_flawless() -> None:
    assert broken(flawless_history.flawless_history()) == {}


@pytest.mark.parametrize(("flaw", "promise"), FLAWS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_planted_flaw_is_found(flaw: Flaw, promise: str) -> None:
    assert promise in broken(flaw(flawless_history.flawless_history()))


def test_every_check_has_a_flaw_planted_for_it() -> None:
    assert {finding.what for finding in examine(flawless_history.flawless_history())} == {
        promise for _, promise in FLAWS
    }


def broken(evidence: Evidence) -> dict[str, list[str]]:
    return {finding.what: list(finding.violations) for finding in examine(evidence) if finding.violations}
