"""Flaws to plant into a flawless history: each is one way to break a promise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from schemas.billing import InvoiceFinalized, InvoicePaid
from tests.faults.storm import flawless_history
from tests.faults.storm.evidence import Evidence, Settled
from tests.faults.storm.operations import Outcome, Try

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


def refilled_in_part(evidence: Evidence) -> Evidence:
    """The topic was filled again without the first version of an invoice."""
    (first, *_) = (each for each in evidence.records if each.key == str(flawless_history.INVOICE))
    others = [each for each in evidence.records if each is not first]
    return replace(evidence, records=others, refilled_topics=frozenset({first.topic}))


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
