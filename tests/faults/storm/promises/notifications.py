"""Facts, notifications and mails: one notification per fact, mailed once to its recipient."""

from collections import Counter
from collections.abc import Iterator, Mapping
from uuid import UUID, uuid5

from schemas.users import UserCreated
from tests.faults.storm.evidence import Evidence, StoredEvent
from tests.faults.storm.promises.finding import Finding, finding

NOTIFICATION_KINDS: Mapping[str, str] = {
    "user.created": "welcome",
    "user.verification_requested": "verification",
    "user.email_verified": "email_verified",
    "invoice.finalized": "invoice_finalized",
    "invoice.paid": "invoice_paid",
    "invoice.payment_failed": "payment_failed",
    "invoice.voided": "invoice_voided",
    "invoice.refunded": "invoice_refunded",
    "invoice.refund_failed": "refund_failed",
    "invoice.marked_uncollectible": "invoice_uncollectible",
    "subscription.created": "subscription_started",
    "subscription.plan_changed": "subscription_plan_changed",
    "subscription.canceled": "subscription_canceled",
    "subscription.past_due": "subscription_past_due",
    "payment_method.attached": "payment_method_attached",
}
"""Fact to the kind of its notification. Repeated here, so that the checker does not use the
service's own table.
"""


def every_fact_became_one_notification(evidence: Evidence) -> Finding:
    due = _due(evidence)
    queued = Counter(event.aggregate_id for event in evidence.of_type("notification.queued"))
    wrong = [
        f"{queued[notification]} notifications {NOTIFICATION_KINDS[fact.type]} for {fact.type} {fact.event_id}"
        for notification, fact in due.items()
        if queued[notification] not in ((0, 1) if _welcomes_an_owner(fact) else (1,))
    ]
    return finding("I3", "each fact became one notification", len(due), wrong)


def every_notification_has_a_fact(evidence: Evidence) -> Finding:
    due, queued = _due(evidence), evidence.of_type("notification.queued")

    def violations() -> Iterator[str]:
        for event in queued:
            fact = due.get(event.aggregate_id)
            if fact is None:
                yield f"notification {event.aggregate_id} has no stored fact"
            elif event.tenant_id != fact.tenant_id:
                yield f"notification {event.aggregate_id} is of tenant {event.tenant_id}, its fact {fact.event_id} of {fact.tenant_id}"

    return finding("I2", "each notification has a stored fact of its tenant", len(queued), violations())


def every_notification_was_mailed(evidence: Evidence) -> Finding:
    """The storm contains no reason to suppress a notification or to give it up."""
    mailed = {mail["message_id"] for mail in evidence.mails}
    sent = Counter(event.aggregate_id for event in evidence.of_type("notification.sent"))
    queued = evidence.of_type("notification.queued")

    def violations() -> Iterator[str]:
        for event in queued:
            if sent[event.aggregate_id] != 1:
                yield f"notification {event.aggregate_id} was sent {sent[event.aggregate_id]} times according to its events"
            if _message_id(event.aggregate_id) not in mailed:
                yield f"notification {event.aggregate_id} is not in the mailbox"

    return finding("I1", "each notification is in the mailbox", len(queued), violations())


def every_mail_is_a_notification(evidence: Evidence) -> Finding:
    """Each mail is in its recipient's mailbox."""
    addresses = {(row["tenant_id"], row["user_id"]): row["email"] for row in evidence.recipients}
    notifications = {_message_id(event.aggregate_id): event for event in evidence.of_type("notification.queued")}

    def violations() -> Iterator[str]:
        for mail in evidence.mails:
            notification = notifications.get(mail["message_id"])
            if notification is None:
                yield f"mail {mail['id']} ({mail['subject']}) is not a notification: {mail['message_id']}"
                continue
            address = addresses.get((notification.tenant_id, notification.event.recipient_id))  # type: ignore[attr-defined]
            if [each.lower() for each in mail["to"]] != [address]:
                yield f"mail {mail['id']} went to {len(mail['to'])} addresses, not to the recipient of {notification.aggregate_id}"

    return finding("I6", "each mail is a notification, in its recipient's mailbox", len(evidence.mails), violations())


def a_mail_is_repeated_only_after_an_interruption(evidence: Evidence) -> Finding:
    """A mail is repeated only if an earlier execution ended between the mail server's reply and the
    commit, under the same Message-ID.
    """
    executions = {job["job_id"]: job["executions"] for job in evidence.jobs}
    # Events recorded by a job have the job's id as their cause.
    executions_by_message = {
        _message_id(event.aggregate_id): executions.get(event.causation_id, 0)
        for event in evidence.of_type("notification.sent")
    }
    times = Counter(mail["message_id"] for mail in evidence.mails)
    repeated = {message: count for message, count in times.items() if count > 1}
    wrong = [
        f"{message} arrived {count} times, its job had {executions_by_message.get(message, 0)} executions"
        for message, count in repeated.items()
        if count > executions_by_message.get(message, 0)
    ]
    remark = f"{len(repeated)} arrived twice after an interruption, with one Message-ID, as promised"
    return finding(
        "I3", "no notification was mailed more often than its job was interrupted", len(times), wrong, remark
    )


def _due(evidence: Evidence) -> Mapping[UUID, StoredEvent]:
    """Notification to its fact. The notification's id is derived from the fact's id, so that
    duplicates are one notification.
    """
    return {
        uuid5(event.event_id, NOTIFICATION_KINDS[event.type]): event for event in evidence.of_type(*NOTIFICATION_KINDS)
    }


def _welcomes_an_owner(fact: StoredEvent) -> bool:
    """An older release does, this one does not."""
    return isinstance(fact.event, UserCreated) and fact.event.role == "owner"


def _message_id(notification: UUID) -> str:
    return f"<{notification}@waypost>"


CHECKS = (
    every_fact_became_one_notification,
    every_notification_has_a_fact,
    every_notification_was_mailed,
    every_mail_is_a_notification,
    a_mail_is_repeated_only_after_an_interruption,
)
