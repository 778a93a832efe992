"""Facts, letters and mails: one letter per fact that somebody is to hear of, mailed to that person,
and no other.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from uuid import UUID, uuid5

from tests.faults.storm.evidence import Evidence, StoredEvent
from tests.faults.storm.promises.finding import Finding, finding

TELLS: Mapping[str, str] = {
    "user.created": "welcome",
    "user.verification_requested": "verification",
    "user.email_verified": "email_verified",
    "invoice.finalized": "invoice_finalized",
    "invoice.paid": "invoice_paid",
    "invoice.payment_failed": "payment_failed",
}
"""Which fact makes which letter. Spelled out here: the checker does not ask the service what it
meant to do.
"""


def every_fact_became_one_dead_letter(evidence: Evidence) -> Finding:
    due = _due(evidence)
    queued = Counter(each.aggregate_id for each in evidence.of_type("notification.queued"))
    wrong = [
        f"{queued[dead_letter]} letters {TELLS[fact.type]} for {fact.type} {fact.event_id}"
        for dead_letter, fact in due.items()
        if queued[dead_letter] != 1
    ]
    return finding("I3", "each fact became one letter", len(due), wrong)


def every_dead_letter_tells_a_fact(evidence: Evidence) -> Finding:
    due, queued = _due(evidence), evidence.of_type("notification.queued")

    def violations() -> Iterator[str]:
        for each in queued:
            fact = due.get(each.aggregate_id)
            if fact is None:
                yield f"letter {each.aggregate_id} tells of nothing that is in a store"
            elif each.tenant_id != fact.tenant_id:
                yield f"letter {each.aggregate_id} is of tenant {each.tenant_id}, its fact {fact.event_id} of {fact.tenant_id}"

    return finding("I2", "each letter tells a stored fact, in its tenant", len(queued), violations())


def every_dead_letter_was_mailed(evidence: Evidence) -> Finding:
    """Nothing in the storm is a reason to suppress a letter or to give it up."""
    mailed = {each["message_id"] for each in evidence.mails}
    sent = Counter(each.aggregate_id for each in evidence.of_type("notification.sent"))
    queued = evidence.of_type("notification.queued")

    def violations() -> Iterator[str]:
        for each in queued:
            if sent[each.aggregate_id] != 1:
                yield f"letter {each.aggregate_id} was sent {sent[each.aggregate_id]} times, as its events tell"
            if _message_id(each.aggregate_id) not in mailed:
                yield f"letter {each.aggregate_id} is not in the mailbox"

    return finding("I1", "each letter is in the mailbox", len(queued), violations())


def every_mail_is_a_dead_letter(evidence: Evidence) -> Finding:
    """In the box of the person it is for."""
    addresses = {(row["tenant_id"], row["user_id"]): row["email"] for row in evidence.recipients}
    dead_letters = {_message_id(each.aggregate_id): each for each in evidence.of_type("notification.queued")}

    def violations() -> Iterator[str]:
        for mail in evidence.mails:
            dead_letter = dead_letters.get(mail["message_id"])
            if dead_letter is None:
                yield f"mail {mail['id']} ({mail['subject']}) is no letter of ours: {mail['message_id']}"
                continue
            address = addresses.get((dead_letter.tenant_id, dead_letter.event.recipient_id))  # type: ignore[attr-defined]
            if [each.lower() for each in mail["to"]] != [address]:
                yield f"mail {mail['id']} went to {len(mail['to'])} others than the recipient of {dead_letter.aggregate_id}"

    return finding("I6", "each mail is a letter, in its recipient's box", len(evidence.mails), violations())


def a_mail_comes_twice_only_after_a_cut(evidence: Evidence) -> Finding:
    """Promised: mailed again only where an earlier try ended between the mail server's word and the
    commit, under the same Message-ID.
    """
    attempts = {each["job_id"]: each["attempts"] for each in evidence.jobs}
    # What a job records names the job as its cause.
    tries = {
        _message_id(each.aggregate_id): attempts.get(each.causation_id, 0)
        for each in evidence.of_type("notification.sent")
    }
    times = Counter(each["message_id"] for each in evidence.mails)
    repeated = {message: count for message, count in times.items() if count > 1}
    wrong = [
        f"{message} came {count} times, its job was tried {tries.get(message, 0)} times"
        for message, count in repeated.items()
        if count > tries.get(message, 0)
    ]
    remark = f"{len(repeated)} came twice after a cut, with one Message-ID, as promised"
    return finding("I3", "no letter was mailed more often than its job was cut off", len(times), wrong, remark)


def _due(evidence: Evidence) -> Mapping[UUID, StoredEvent]:
    """Letter to the fact that it is to tell. Its id follows from the fact's: whatever comes twice
    is one letter.
    """
    return {uuid5(each.event_id, TELLS[each.type]): each for each in evidence.of_type(*TELLS)}


def _message_id(dead_letter: UUID) -> str:
    return f"<{dead_letter}@waypost>"


CHECKS = (
    every_fact_became_one_dead_letter,
    every_dead_letter_tells_a_fact,
    every_dead_letter_was_mailed,
    every_mail_is_a_dead_letter,
    a_mail_comes_twice_only_after_a_cut,
)
