"""The contents of mails: every kind in every language."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from jinja2 import DictLoader

from services.notifications.adapters.email_templates import JinjaEmailTemplates
from services.notifications.adapters.mail_locale import LANGUAGES, day, language_of, money
from services.notifications.adapters.template_samples import SAMPLES
from services.notifications.domain import InvoiceStatus, NotificationKind
from services.notifications.domain.invoice_tax import taxes_of
from services.notifications.queries.digest import UnreadInvoice
from waypost.kernel.errors import Permanent

DUE = datetime(2026, 12, 9, 12, tzinfo=UTC)
WORDS = {**SAMPLES, "name": "Ada <b>Lovelace</b>", "company": "Engines & Looms", "next_attempt_at": None}
SUBJECTS = {
    NotificationKind.WELCOME: "Welcome to Engines & Looms",
    NotificationKind.VERIFICATION: "Confirm your e-mail address",
    NotificationKind.EMAIL_VERIFIED: "Your e-mail is confirmed",
    NotificationKind.PASSWORD_RESET: "Choose a new password",
    NotificationKind.INVITATION: "You are invited to Engines & Looms",
    NotificationKind.JOIN_REQUEST: "A person asks to join Engines & Looms",
    NotificationKind.EMAIL_CHANGE: "Confirm your new e-mail address",
    NotificationKind.EMAIL_CHANGE_NOTICE: "Your e-mail address is about to change",
    NotificationKind.INVOICE_FINALIZED: "Invoice 7 from Engines & Looms",
    NotificationKind.INVOICE_PAID: "Receipt for invoice 7",
    NotificationKind.PAYMENT_FAILED: "Payment failed for invoice 7",
    NotificationKind.REFUND_FAILED: "The refund for invoice 7 failed",
    NotificationKind.DIGEST: "Unread billing notices from Engines & Looms: 1",
}
GREETINGS = {"en": "Hello Ada <b>Lovelace</b>,", "de": "Guten Tag Ada <b>Lovelace</b>,"}
TEMPLATES = JinjaEmailTemplates()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NotificationKind)
def test_each_mail_has_a_subject_a_text_and_escaped_html(kind: NotificationKind, language: str) -> None:
    email = TEMPLATES.compose(kind, WORDS, language)
    assert email.subject and email.subject == email.subject.strip()
    if language == "en":
        assert email.subject == SUBJECTS.get(kind, email.subject)
    assert email.text.startswith(tuple(f"{greeting}\n" for greeting in GREETINGS.values()))
    assert "<b>Lovelace" not in email.html
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in email.html
    assert "Engines &amp; Looms" in email.html
    assert (str(WORDS["link"]) in email.text) is kind.carries_token
    assert (str(WORDS["link"]) in _hrefs(email.html)) is kind.carries_token


@pytest.mark.parametrize("kind", SUBJECTS)
def test_a_mail_in_german_greets_in_german(kind: NotificationKind) -> None:
    email = TEMPLATES.compose(kind, WORDS, "de-AT")
    assert email.text.startswith(f"{GREETINGS['de']}\n")
    assert '<html lang="de">' in email.html
    assert TEMPLATES.compose(kind, WORDS, "fr") == TEMPLATES.compose(kind, WORDS, "en")


def test_a_template_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    templates = JinjaEmailTemplates()
    monkeypatch.setattr(templates._templates, "loader", DictLoader({"welcome.txt": "Welcome\n\n{{ name }}\n"}))
    with pytest.raises(Permanent, match="'name' is undefined"):
        templates.compose(NotificationKind.WELCOME, WORDS)


@pytest.mark.parametrize("kind", NotificationKind)
def test_a_recipient_without_a_name_is_greeted_without_one(kind: NotificationKind) -> None:
    for language in LANGUAGES:
        first = TEMPLATES.compose(kind, {**WORDS, "name": ""}, language).text.partition("\n")[0]
        assert first in ("Hello,", "Guten Tag,", "Hello there,")


@pytest.mark.parametrize("kind", NotificationKind)
def test_a_version_follows_from_the_text(kind: NotificationKind) -> None:
    versions = TEMPLATES.versions(kind)
    assert "en" in versions and set(versions) <= set(LANGUAGES)
    assert len(set(versions.values())) == len(versions)
    assert versions == JinjaEmailTemplates().versions(kind)


@pytest.mark.parametrize("kind", [NotificationKind.INVOICE_FINALIZED, NotificationKind.INVOICE_PAID])
@pytest.mark.parametrize(
    ("locale", "sums"),
    [
        (
            "en",
            ["Net amount: 1,037.40 EUR", "VAT 19 %: 197.10 EUR", "City tax 8.875 %: 0.00 EUR", "Total: 1,234.50 EUR"],
        ),
        (
            "de",
            [
                "Nettobetrag: 1.037,40 EUR",
                "VAT 19 %: 197,10 EUR",
                "City tax 8,875 %: 0,00 EUR",
                "Gesamtbetrag: 1.234,50 EUR",
            ],
        ),
    ],
)
def test_a_mail_about_an_invoice_shows_its_taxes(kind: NotificationKind, locale: str, sums: list[str]) -> None:
    vat = {"rate_id": "1", "name": "VAT", "ppm": 190_000, "inclusive": False, "tax_minor": 9_855}
    city = {"rate_id": "2", "name": "City tax", "ppm": 88_750, "inclusive": False, "tax_minor": 0}
    again = vat | {"rate_id": "3"}  # the same rate, created again
    lines = [*(line_with(tax) for tax in (vat, again, city)), line_with(None)]
    email = TEMPLATES.compose(kind, {**WORDS, "lines": lines, "taxes": taxes_of(lines)}, locale)
    assert "\n\n" + "\n".join(sums) + "\n\n" in email.text
    assert all(each in email.html for each in sums)
    untaxed = [line_with(None)]
    without = TEMPLATES.compose(kind, {**WORDS, "lines": untaxed, "taxes": taxes_of(untaxed)}, locale)
    assert sums[0].partition(":")[0] not in without.text


def line_with(tax: Mapping[str, object] | None) -> Mapping[str, object]:
    line = {"description": "Loom", "quantity": 1, "amount_minor": 100, "currency": "EUR"}
    return line | {"tax": tax} if tax else line


def test_a_missing_variable_is_an_error() -> None:
    with pytest.raises(Permanent, match="'link' is undefined"):
        TEMPLATES.compose(NotificationKind.VERIFICATION, {"name": "Ada", "company": "Engines"})


def test_a_payment_failure_states_the_next_step() -> None:
    last = TEMPLATES.compose(NotificationKind.PAYMENT_FAILED, WORDS)
    assert "1,234.50 EUR" in last.text
    assert "card declined" in last.text
    assert "We will not try again" in last.text
    again = {**WORDS, "next_attempt_at": "2026-11-28T09:00:00+00:00"}
    assert "We will try again on 28 November 2026." in TEMPLATES.compose(NotificationKind.PAYMENT_FAILED, again).text


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
    email = TEMPLATES.compose(NotificationKind.DIGEST, {**WORDS, "items": [item]})
    assert f"\n* Invoice 7, 1,234.50 EUR: {status_text}\n" in email.text
    assert f"<li>Invoice 7, <strong>1,234.50 EUR</strong>: {status_text}" in email.html


@pytest.mark.parametrize(
    ("tag", "amount", "yen", "dinar", "date"),
    [
        ("en", "1,234.50 EUR", "123,450 JPY", "123.450 KWD", "1 March 2026"),
        ("en-US", "1,234.50 EUR", "123,450 JPY", "123.450 KWD", "March 1, 2026"),
        ("de", "1.234,50 EUR", "123.450 JPY", "123,450 KWD", "1. März 2026"),
        ("de-CH", "1'234.50 EUR", "123'450 JPY", "123.450 KWD", "1. März 2026"),
        ("fr-FR", "1,234.50 EUR", "123,450 JPY", "123.450 KWD", "1 March 2026"),
        ("de-XX-nonsense", "1.234,50 EUR", "123.450 JPY", "123,450 KWD", "1. März 2026"),
    ],
)
def test_amounts_and_days_follow_the_locale(tag: str, amount: str, yen: str, dinar: str, date: str) -> None:
    assert (money(123_450, "EUR", tag), money(123_450, "JPY", tag), money(123_450, "KWD", tag)) == (amount, yen, dinar)
    assert day("2026-03-01T23:30:00+00:00", tag) == date
    assert money(2**63 - 1, "EUR") == "92,233,720,368,547,758.07 EUR"
    assert money(-5, "EUR") == "-0.05 EUR"


def test_an_unknown_language_is_english() -> None:
    assert [language_of(tag) for tag in ("en", "de", "DE-at", "fr", "", "d")] == ["en", "de", "de", "en", "en", "en"]


def _hrefs(html: str) -> list[str | None]:
    class Links(HTMLParser):
        found: list[str | None]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [value for name, value in attrs if name == "href"]

    links = Links()
    links.found = []
    links.feed(html)
    return links.found
