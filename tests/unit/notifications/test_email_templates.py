"""The contents of mails."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notifications.adapters.email_templates import JinjaEmailTemplates, day
from services.notifications.domain import InvoiceStatus, NotificationKind
from services.notifications.queries.digest import UnreadInvoice
from waypost.kernel.errors import Permanent

DUE = datetime(2026, 12, 9, 12, tzinfo=UTC)
WORDS = {
    "name": "Ada <b>Lovelace</b>",
    "company": "Engines & Looms",
    "link": "https://waypost.test/verify?token=a.b-c_d",
    "number": 7,
    "amount_minor": 123_450,
    "currency": "EUR",
    "due_at": "2026-12-09T12:00:00+00:00",
    "paid_at": "2026-11-25T12:00:00+00:00",
    "reason": "card_declined",
    "next_attempt_at": None,
    "items": [],
    "count": 1,
    "more": 0,
    "unsubscribe": "https://waypost.test/unsubscribe/abc",
}
SUBJECTS = {
    NotificationKind.WELCOME: "Welcome to Engines & Looms",
    NotificationKind.VERIFICATION: "Confirm your e-mail address for Engines & Looms",
    NotificationKind.EMAIL_VERIFIED: "Your e-mail is confirmed",
    NotificationKind.PASSWORD_RESET: "Choose a new password for Engines & Looms",
    NotificationKind.INVITATION: "You are invited to Engines & Looms",
    NotificationKind.JOIN_REQUEST: "A person asks to join Engines & Looms",
    NotificationKind.EMAIL_CHANGE: "Confirm your new e-mail address for Engines & Looms",
    NotificationKind.EMAIL_CHANGE_NOTICE: "Your e-mail address for Engines & Looms is about to change",
    NotificationKind.INVOICE_FINALIZED: "Invoice 7 from Engines & Looms",
    NotificationKind.INVOICE_PAID: "Receipt for invoice 7",
    NotificationKind.PAYMENT_FAILED: "Payment failed for invoice 7",
    NotificationKind.DIGEST: "Unread billing notices from Engines & Looms: 1",
}


@pytest.mark.parametrize("kind", NotificationKind)
def test_each_mail_has_a_subject_a_text_and_escaped_html(kind: NotificationKind) -> None:
    email = JinjaEmailTemplates().compose(kind, WORDS)
    assert email.subject == SUBJECTS[kind]
    assert email.text.startswith("Hello Ada <b>Lovelace</b>,\n")
    assert "<b>Lovelace" not in email.html
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in email.html
    assert "Engines &amp; Looms" in email.html
    assert (str(WORDS["link"]) in email.text) is kind.carries_token
    assert (str(WORDS["link"]) in email.html) is kind.carries_token


def test_a_missing_variable_is_an_error() -> None:
    with pytest.raises(Permanent, match="'link' is undefined"):
        JinjaEmailTemplates().compose(NotificationKind.VERIFICATION, {"name": "Ada", "company": "Engines"})


def test_a_payment_failure_states_the_next_step() -> None:
    last = JinjaEmailTemplates().compose(NotificationKind.PAYMENT_FAILED, WORDS)
    assert "1,234.50 EUR" in last.text
    assert "card declined" in last.text
    assert "We will not try again" in last.text
    again = {**WORDS, "next_attempt_at": "2026-11-28T09:00:00+00:00"}
    assert (
        "We will try again on 28 November 2026."
        in JinjaEmailTemplates().compose(NotificationKind.PAYMENT_FAILED, again).text
    )


@pytest.mark.parametrize(
    ("status", "status_text"),
    [
        (InvoiceStatus.OPEN, "due on 9 December 2026"),
        (InvoiceStatus.PAYMENT_FAILED, "the payment failed; due on 9 December 2026"),
        (InvoiceStatus.PAID, "paid on 10 December 2026"),
        (InvoiceStatus.VOID, "cancelled on 10 December 2026"),
        (InvoiceStatus.UNCOLLECTIBLE, "written off as unpaid on 10 December 2026"),
    ],
)
def test_a_digest_states_the_status_of_each_invoice(status: InvoiceStatus, status_text: str) -> None:
    settled_at = None if status in (InvoiceStatus.OPEN, InvoiceStatus.PAYMENT_FAILED) else DUE + timedelta(days=1)
    item = UnreadInvoice(
        number=7, amount_minor=123_450, currency="EUR", status=status, due_at=DUE, settled_at=settled_at
    )
    email = JinjaEmailTemplates().compose(NotificationKind.DIGEST, {**WORDS, "items": [item]})
    assert f"\n* Invoice 7, 1,234.50 EUR: {status_text}\n" in email.text
    assert f"<li>Invoice 7, <strong>1,234.50 EUR</strong>: {status_text}" in email.html


def test_days_are_written_with_the_months_name() -> None:
    assert day("2026-03-01T23:30:00+00:00") == "1 March 2026"
