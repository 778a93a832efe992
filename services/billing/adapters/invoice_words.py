"""The words, amounts and days of an invoice's PDF in the buyer's language (Unicode CLDR)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from services.billing.domain import InvoiceStatus
from waypost.kernel.currency import DECIMALS

_USUAL_DECIMALS = 2
"""Decimals of a currency that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    locale: str
    """CLDR's name: the language without a region would have the formats of its largest one."""
    invoice: str
    seller: str
    buyer: str
    erased: str
    date: str
    due: str
    status: str
    statuses: Mapping[str, str]
    columns: tuple[str, str, str, str, str, str]
    """Description, quantity, unit price, tax, net amount, amount."""
    net: str
    tax_added: str
    tax_included: str
    total: str
    paid: str
    refunded: str
    page: str

    def amount(self, amount_minor: int, currency: str) -> str:
        """`1,234.50` in English, `1.234,50` in German, with the currency's decimals."""
        decimals = DECIMALS.get(currency, _USUAL_DECIMALS)
        pattern = "#,##0" + (f".{'0' * decimals}" if decimals else "")
        return format_decimal(Decimal(amount_minor).scaleb(-decimals), format=pattern, locale=self._locale)

    def money(self, amount_minor: int, currency: str) -> str:
        return f"{self.amount(amount_minor, currency)} {currency}"

    def quantity(self, quantity: int) -> str:
        return format_decimal(quantity, locale=self._locale)

    def percentage(self, percentage: str) -> str:
        return f"{format_decimal(Decimal(percentage), format='0.####', locale=self._locale)} %"

    def day(self, moment: datetime) -> str:
        """The day in UTC."""
        return format_date(moment.astimezone(UTC).date(), format="long", locale=self._locale)

    @property
    def _locale(self) -> Locale:
        return Locale.parse(self.locale)


_ENGLISH = Words(
    locale="en_001",
    invoice="Invoice",
    seller="From",
    buyer="To",
    erased="(erased person)",
    date="Date",
    due="Due",
    status="Status",
    statuses={
        InvoiceStatus.OPEN: "open",
        InvoiceStatus.PAID: "paid",
        InvoiceStatus.VOID: "void: nothing is due",
        InvoiceStatus.UNCOLLECTIBLE: "not paid",
    },
    columns=("Description", "Quantity", "Unit price", "Tax", "Net", "Amount"),
    net="Net amount",
    tax_added="added",
    tax_included="included in the prices",
    total="Total",
    paid="Paid",
    refunded="Refunded",
    page="page",
)
_GERMAN = Words(
    locale="de",
    invoice="Rechnung",
    seller="Von",
    buyer="An",
    erased="(gelöschte Person)",
    date="Datum",
    due="Fällig am",
    status="Status",
    statuses={
        InvoiceStatus.OPEN: "offen",
        InvoiceStatus.PAID: "bezahlt",
        InvoiceStatus.VOID: "storniert: Sie müssen nichts bezahlen",
        InvoiceStatus.UNCOLLECTIBLE: "nicht bezahlt",
    },
    columns=("Beschreibung", "Menge", "Einzelpreis", "Steuer", "Netto", "Betrag"),
    net="Nettobetrag",
    tax_added="hinzugerechnet",
    tax_included="in den Preisen enthalten",
    total="Gesamtbetrag",
    paid="Bezahlt",
    refunded="Erstattet",
    page="Seite",
)
WORDS: Mapping[str, Words] = {"en": _ENGLISH, "de": _GERMAN}


def words_of(tag: str) -> Words:
    """The words for a BCP 47 tag; English for a language without words."""
    return WORDS.get(tag.replace("_", "-").partition("-")[0].lower(), _ENGLISH)
