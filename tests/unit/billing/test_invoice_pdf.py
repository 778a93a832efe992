"""The PDF of an invoice: its contents, its bytes, and hostile text in it."""

import logging
import re
from io import BytesIO, StringIO
from typing import Any, cast
from uuid import uuid4

import pytest
from pypdf import PdfReader

from services.billing.adapters.invoice_pdf import invoice_pdf
from services.billing.adapters.invoice_words import WORDS, words_of
from services.billing.domain import InvoiceStatus
from services.billing.domain.line import MAX_LINES
from tests.fixtures.names import HOSTILE_TEXTS
from tests.unit.billing.documents import document, glyphs_of, names_in, pages_of, text_of
from tests.unit.billing.invoices import NOW, draft, tax_rate, with_line
from waypost.kernel.money import Money
from waypost.telemetry import logging as telemetry

ACTIVE = {"/Annots", "/A", "/AA", "/URI", "/JS", "/JavaScript", "/Launch", "/EmbeddedFiles", "/AcroForm"}
BENIGN = names_in(invoice_pdf(document()))


def test_a_pdf_has_no_links_scripts_and_forms() -> None:
    assert not BENIGN & ACTIVE
    assert {"/Page", "/Font"} <= BENIGN


def test_an_invoice_shows_its_parties_lines_taxes_and_sums() -> None:
    invoice = with_line(draft(), 2, 12_345, tax_rate("19"))
    with_line(with_line(invoice, 1, 10_700, tax_rate("7", inclusive=True, name="Reduced VAT")), 1, 1_000)
    text = text_of(invoice_pdf(document(invoice, paid_minor=41_081, refunded_minor=100, status=InvoiceStatus.PAID)))
    for shown in (
        "Invoice 7",
        "Analytical Engines",
        "Ada Lovelace",
        "ada@example.com",
        "25 November 2026",
        "paid",
        "Difference engine",
        "246.90",
        "293.81",
        "VAT 19 % (added; Net amount 246.90 EUR)",
        "46.91 EUR",
        "Reduced VAT 7 % (included in the prices; Net amount 100.00 EUR)",
        "7.00 EUR",
        "356.90 EUR",
        "410.81 EUR",
        "1.00 EUR",
    ):
        assert shown in text, shown


@pytest.mark.parametrize(
    ("locale", "currency", "total"),
    [("de-AT", "EUR", "Gesamtbetrag"), ("fr", "JPY", "24,690 JPY"), ("en", "KWD", "24.690 KWD")],
)
def test_the_language_follows_the_buyer_and_the_decimals_the_currency(locale: str, currency: str, total: str) -> None:
    assert total in text_of(invoice_pdf(document(with_line(draft(currency)), locale=locale)))


def test_an_invoice_without_tax_shows_no_tax() -> None:
    text = text_of(invoice_pdf(document(with_line(draft()))))
    assert "Net amount" not in text
    assert "%" not in text


def test_every_status_has_its_words() -> None:
    finalized = set(InvoiceStatus) - {InvoiceStatus.DRAFT}
    assert {language: set(words.statuses) for language, words in WORDS.items()} == dict.fromkeys(WORDS, finalized)
    assert "void: nothing is due" in text_of(invoice_pdf(document(status=InvoiceStatus.VOID)))


def test_an_erased_buyer_is_shown_as_erased() -> None:
    pdf = invoice_pdf(document(buyer=None, buyer_email=None, buyer_erased=True))
    assert "(erased person)" in text_of(pdf)


def test_the_same_invoice_gives_the_same_bytes_without_a_name_in_its_metadata() -> None:
    first, second = invoice_pdf(document()), invoice_pdf(document())
    assert first == second
    assert first != invoice_pdf(document(status=InvoiceStatus.PAID))
    found = PdfReader(BytesIO(first))
    assert {str(key): str(value) for key, value in (found.metadata or {}).items()} == {
        "/Title": "Invoice 7",
        "/Producer": "Waypost",
        "/CreationDate": "D:20261125120000Z",
    }
    assert b"Lovelace" not in first
    assert found.xmp_metadata is None


def test_text_of_every_script_that_the_font_has_is_shown() -> None:
    for name in ("Ólafur Žižek", "Ελένη", "Анна", "Նարե", "ნინო"):
        assert name in text_of(invoice_pdf(document(buyer=name))), name
    assert "לבא" in text_of(invoice_pdf(document(buyer="אבל")))[::-1] or "אבל" in text_of(
        invoice_pdf(document(buyer="אבל"))
    )


def test_a_name_of_several_lines_is_one_line() -> None:
    assert "Ada Lovelace" in text_of(invoice_pdf(document(buyer="Ada\r\n\u2028Lovelace")))


def test_a_character_that_the_font_lacks_is_replaced_visibly() -> None:
    text = text_of(invoice_pdf(document(buyer="Ada 山田")))
    assert "Ada \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}" in text


def test_hostile_text_is_only_text() -> None:
    invoice = draft()
    for text in HOSTILE_TEXTS.values():
        invoice.add_line(uuid4(), text, 1, Money(100, "EUR"), NOW, tax_rate("19", name=text))
    everything = " ".join(HOSTILE_TEXTS.values())
    pdf = invoice_pdf(document(invoice, seller=everything, buyer=everything, buyer_email=everything))
    assert names_in(pdf) == BENIGN
    shown = text_of(pdf).splitlines()
    for label, times in (("Total", 1), ("Status", 1)):
        assert sum(line.startswith(label) for line in shown) == times, label
    assert sum(line.endswith("0.19 EUR") for line in shown) == len(HOSTILE_TEXTS)


@pytest.mark.parametrize(
    "text",
    [
        ") Tj ET /Evil Do BT (",
        "(\\) Tj",
        "endstream endobj 1 0 obj << /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>",
        "**bold** __underlined__ [link](http://evil.example)",
        "{nb}",
        "%PDF-1.7",
    ],
)
def test_operators_and_markup_are_drawn_as_they_are(text: str) -> None:
    pdf = invoice_pdf(document(buyer=text))
    assert text in " ".join(text_of(pdf).split())
    assert names_in(pdf) == BENIGN


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_no_number_is_broken(locale: str, currency: str) -> None:
    words, invoice = words_of(locale), draft(currency)
    lines = ((10**6, 10**8, None), (10**15, 0, tax_rate("99.9999")), (1, 10**12, tax_rate("8.875", inclusive=True)))
    for quantity, price, rate in lines:
        with_line(invoice, quantity, price, rate)
    made = document(invoice, locale=locale, total_minor=10**15, paid_minor=10**15 - 1, refunded_minor=10**15 - 2)
    shown = text_of(invoice_pdf(made))
    for line in invoice.lines:
        assert words.quantity(line.quantity) in shown
        for amount in (line.unit_amount_minor, line.net_minor, line.amount_minor):
            assert words.amount(amount, currency) in shown
        assert line.tax is None or words.percentage(line.tax.percentage) in shown
    for amount in (made.subtotal_minor, made.total_minor, made.paid_minor, made.refunded_minor):
        assert words.money(amount, currency) in shown
    assert all(heading in shown for heading in words.columns)


HEBREW = "אחת שתיים שלוש ארבע חמש שש שבע שמונה תשע עשר מאה אלף רבבה"


def test_text_from_right_to_left_has_its_first_words_on_its_first_line() -> None:
    invoice = draft()
    invoice.add_line(uuid4(), HEBREW, 1, Money(100, "EUR"), NOW, tax_rate("19", name=HEBREW))
    pdf = invoice_pdf(document(invoice, seller=f"{HEBREW} {HEBREW}"))
    drawn = glyphs_of(pdf)
    words = [word for line in drawn for word in line[::-1].replace("\u200e", " ").split() if word in HEBREW.split()]
    seller, description, tax = words[:26], words[26:39], words[39:]
    assert seller == HEBREW.split() * 2
    assert description == tax == HEBREW.split()
    assert any(re.match(r"[א-ת ]+\u200e 19 % \(added", line) for line in drawn), "the rate is behind its name"


def test_a_character_and_its_accent_are_composed() -> None:
    assert "Zoë" in text_of(invoice_pdf(document(buyer="Zoe\N{COMBINING DIAERESIS}")))


def test_drawing_logs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The font's library logs the names of the characters that it keeps."""
    written = StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(logging, "basicConfig", lambda **_: None)  # keeps the test run's own handler
        telemetry._capture_libraries(cast(Any, logging.Formatter()), "DEBUG")
    handler = logging.StreamHandler(written)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    invoice_pdf(document(buyer="Ελένη"))
    assert written.getvalue() == ""


def test_the_largest_invoice_is_drawn() -> None:
    invoice, rate = draft(), tax_rate("19")
    for at in range(MAX_LINES):
        text = "W" * 200 if at == 7 else "Loom"
        invoice.add_line(uuid4(), text, 10**6, Money(1_999, "EUR"), NOW, rate)
    pdf = invoice_pdf(document(invoice, seller="M" * 200, buyer="W" * 200, total_minor=10**15))
    *_, last = PdfReader(BytesIO(pdf)).pages
    assert 10 <= pages_of(pdf) <= 20
    assert "10,000,000,000,000.00 EUR" in last.extract_text()
