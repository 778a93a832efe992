"""The evidence of a small history without a fault. The checker's tests plant one flaw each in
it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from schemas.billing import CustomerCreated, InvoiceCreated, InvoiceFinalized, InvoiceLineAdded, InvoicePaid
from schemas.notifications import NotificationQueued, NotificationSent
from schemas.users import TenantCreated, UserCreated, UserVerificationRequested
from tests.faults.storm.evidence import Evidence, Row, SeenRecord, StoredEvent
from tests.faults.storm.operations import Operation, Outcome, Try
from tests.faults.storm.promises.notifications import NOTIFICATION_KINDS
from waypost.kernel.event import Event
from waypost.schemas.application import application_codec

AT = datetime(2026, 1, 1, tzinfo=UTC)
TENANT, USER, INVOICE, ATTEMPT, JOB = (UUID(int=number) for number in range(1, 6))
OPENING, CREATING, ADDING, FINALIZING = (str(UUID(int=number)) for number in range(11, 15))
AMOUNT = 1200
CONSUMER = "billing.customers"

_CODEC = application_codec()


def flawless_history() -> Evidence:
    """A tenant opens, buys one item, is charged and receives the mails."""
    facts = [*_of_users(), *_of_billing()]
    events = [*facts, *_notifications(facts)]
    return Evidence(
        operations=_operations(),
        events=events,
        records=[record_of(event, offset) for offset, event in enumerate(events)],
        stored_responses=_stored_responses(),
        subscriptions={CONSUMER: frozenset({"users.user"})},
        processed={CONSUMER: frozenset(stored.event_id for stored in events if stored.topic == "users.user")},
        guards={(CONSUMER, "users.user", USER): 2},
        directories={"billing": frozenset({TENANT})},
        customers=[{"tenant_id": TENANT, "customer_id": USER, "email": "ada@example.com"}],
        recipients=[{"tenant_id": TENANT, "user_id": USER, "email": "ada@example.com"}],
        attempts=[_attempt()],
        invoices=[_invoice()],
        postings=list(_postings()),
        windows=[_window()],
        jobs=list(_jobs()),
        charges=[charge()],
        mails=[mail(each_event.aggregate_id) for each_event in events if each_event.type == "notification.queued"],
        rebuilt={"billing.invoices": True},
    )


def stored(event: Event, aggregate: UUID, version: int, cause: str, by: UUID | None = None) -> StoredEvent:
    return StoredEvent(
        service=event.topic.partition(".")[0],
        tenant_id=event.tenant_id,
        aggregate_id=aggregate,
        version=version,
        event_id=uuid4(),
        correlation_id=UUID(cause),
        causation_id=by or UUID(cause),
        payload=_CODEC.encode(event).payload,
        event=event,
    )


def record_of(event: StoredEvent, offset: int) -> SeenRecord:
    headers = {
        "ce_id": str(event.event_id),
        "ce_type": event.type,
        "ce_subject": str(event.aggregate_id),
        "ce_sequence": str(event.version),
        "ce_tenantid": str(event.tenant_id),
    }
    key = str(event.aggregate_id)
    return SeenRecord(topic=event.topic, partition=0, offset=offset, key=key, value=event.payload, headers=headers)


def operation(name: str, operation_id: str, outcome: Outcome, route: str, status: int = 200) -> Operation:
    return Operation(
        id=operation_id,
        name=name,
        tenant=None if name == "open_tenant" else str(TENANT),
        route=route,
        key=f"key-{operation_id}",
        tries=[Try(outcome=outcome, status=status, answer={"of": operation_id} if outcome is Outcome.OK else None)],
    )


def charge(**changes: Any) -> Row:
    metadata = {"tenant_id": str(TENANT), "invoice_id": str(INVOICE), "attempt_id": str(ATTEMPT)}
    made = {
        "id": "ch_1",
        "amount_minor": AMOUNT,
        "amount_refunded_minor": 0,
        "currency": "EUR",
        "status": "succeeded",
        "metadata": metadata,
        "idempotency_key": f"inv-{INVOICE}",
        "refunds": [],
    }
    return {**made, **changes}


def mail(notification: UUID, to: str = "ada@example.com") -> Row:
    return {"id": 1, "message_id": f"<{notification}@waypost>", "subject": "Hello", "to": [to]}


def _of_users() -> Iterable[StoredEvent]:
    person: Mapping[str, Any] = {"tenant_id": TENANT, "user_id": USER, "email": "ada@example.com", "locale": "en"}
    asked: Mapping[str, Any] = {"sealing_key_id": "k", "sealed_token": b"t", "expires_at": AT, "requested_at": AT}
    yield stored(TenantCreated(tenant_id=TENANT, name="Engines", created_at=AT), TENANT, 1, OPENING)
    yield stored(UserCreated(**person, display_name="Ada", role="owner", created_at=AT), USER, 1, OPENING)
    yield stored(UserVerificationRequested(**person, **asked), USER, 2, OPENING)
    who: Mapping[str, Any] = {"tenant_id": TENANT, "customer_id": USER, "email": "ada@example.com", "locale": "en"}
    yield stored(CustomerCreated(**who, display_name="Ada", created_at=AT), USER, 1, OPENING)


def _of_billing() -> Iterable[StoredEvent]:
    what: Mapping[str, Any] = {"tenant_id": TENANT, "invoice_id": INVOICE, "currency": "EUR"}
    who: Mapping[str, Any] = {**what, "customer_id": USER}
    line: Mapping[str, Any] = {"line_id": uuid4(), "description": "Engine", "quantity": 1, "unit_amount_minor": AMOUNT}
    paid: Mapping[str, Any] = {"attempt_id": ATTEMPT, "attempt": 1, "provider_charge_id": "ch_1", "paid_at": AT}
    events: Sequence[tuple[Event, str]] = (
        (InvoiceCreated(**who, created_at=AT), CREATING),
        (InvoiceLineAdded(**what, **line, amount_minor=AMOUNT, added_at=AT), ADDING),
        (InvoiceFinalized(**who, number=1, total_minor=AMOUNT, due_at=AT, finalized_at=AT), FINALIZING),
        (InvoicePaid(**who, number=1, amount_minor=AMOUNT, **paid), FINALIZING),
    )
    for version, (event, cause) in enumerate(events, start=1):
        yield stored(event, INVOICE, version, cause)


def _notifications(facts: Sequence[StoredEvent]) -> Iterable[StoredEvent]:
    for fact in facts:
        if fact.type in NOTIFICATION_KINDS and fact.type != "user.created":  # an owner is not welcomed
            notification = uuid5(fact.event_id, NOTIFICATION_KINDS[fact.type])
            common: Mapping[str, Any] = {
                "tenant_id": TENANT,
                "notification_id": notification,
                "recipient_id": USER,
                "kind": NOTIFICATION_KINDS[fact.type],
                "channel": "email",
            }
            queued = NotificationQueued(**common, subject_type="user", subject_id=USER, queued_at=AT)
            yield stored(queued, notification, 1, str(fact.correlation_id))
            sent = NotificationSent(**common, message_id=f"<{notification}@waypost>", sent_at=AT)
            yield stored(sent, notification, 2, str(fact.correlation_id), by=JOB)


def _operations() -> Sequence[Operation]:
    return [
        operation("open_tenant", OPENING, Outcome.OK, "POST /tenants"),
        operation("create_invoice", CREATING, Outcome.OK, "POST /invoices"),
        operation("lines", ADDING, Outcome.OK, f"POST /invoices/{INVOICE}/lines"),
        operation("finalize", FINALIZING, Outcome.OK, f"POST /invoices/{INVOICE}/finalize"),
    ]


def _stored_responses() -> Mapping[tuple[str, str, str], Row]:
    return {
        (str(TENANT), operation.route, operation.key or ""): {"status": 200, "body": {"of": operation.id}}
        for operation in _operations()
    }


def _attempt() -> Row:
    return {
        "tenant_id": TENANT,
        "id": ATTEMPT,
        "invoice_id": INVOICE,
        "kind": "charge",
        "idempotency_key": f"inv-{INVOICE}",
        "requested_by": f"inv-{INVOICE}",
        "payment_method_id": uuid4(),
        "amount_minor": AMOUNT,
        "currency": "EUR",
        "status": "succeeded",
        "provider_id": "ch_1",
    }


def _invoice() -> Row:
    amounts = {"total_minor": AMOUNT, "amount_paid_minor": AMOUNT, "amount_refunded_minor": 0}
    return {"tenant_id": TENANT, "invoice_id": INVOICE, "version": 4, **amounts}


def _postings() -> Iterable[Row]:
    for account, amount in (("receivable", AMOUNT), ("revenue", -AMOUNT), ("cash", AMOUNT), ("receivable", -AMOUNT)):
        yield {"tenant_id": TENANT, "currency": "EUR", "account": account, "amount_minor": amount}


def _window() -> Row:
    moved = {"paid_minor": AMOUNT, "paid_count": 1, "failed_minor": 0, "failed_count": 0}
    return {"tenant_id": TENANT, "currency": "EUR", **moved, "refunded_minor": 0, "refunded_count": 0}


def _jobs() -> Iterable[Row]:
    yield {"job_id": JOB, "name": "send_notification", "idempotency_key": None, "status": "complete", "executions": 1}
    key = f"inv-{INVOICE}"
    yield {"job_id": uuid4(), "name": "charge_invoice", "idempotency_key": key, "status": "complete", "executions": 1}
