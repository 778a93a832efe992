"""Languages of mails, and amounts and days in the recipient's locale (Unicode CLDR)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal

from waypost.kernel.currency import DECIMALS

DEFAULT_LOCALE = "en"
_USUAL_DECIMALS = 2
"""Decimals of a currency that has ended."""


@dataclass(frozen=True, slots=True)
class Greeting:
    named: str
    unnamed: str

    def of(self, name: str) -> str:
        return self.named.replace("{}", name) if name else self.unnamed


GREETINGS: Mapping[str, Greeting] = {
    "en": Greeting("Hello {},", "Hello,"),
    "de": Greeting("Guten Tag {},", "Guten Tag,"),
}
LANGUAGES = tuple(GREETINGS)
_NEUTRAL_REGIONS = {"en": "en_001"}
"""CLDR reads a language without a region as that of its largest region."""


def language_of(tag: str) -> str:
    """The language of mails for a BCP 47 tag: `de` for `de-AT`, `en` for a language without
    mails.
    """
    language = tag.replace("_", "-").partition("-")[0].lower()
    return language if language in GREETINGS else DEFAULT_LOCALE


def money(amount_minor: int, currency: str, tag: str = DEFAULT_LOCALE) -> str:
    """`1,234.50 EUR` in English, `1.234,50 EUR` in German, with the currency's decimals."""
    decimals = DECIMALS.get(currency, _USUAL_DECIMALS)
    pattern = "#,##0" + (f".{'0' * decimals}" if decimals else "")
    amount = Decimal(amount_minor).scaleb(-decimals)
    return f"{format_decimal(amount, format=pattern, locale=_locale_of(tag))} {currency}"


def percentage(ppm: int, tag: str = DEFAULT_LOCALE) -> str:
    """`8.875 %` in English, `8,875 %` in German, from millionths."""
    return f"{format_decimal(Decimal(ppm).scaleb(-4), format='0.####', locale=_locale_of(tag))} %"


def day(moment: object, tag: str = DEFAULT_LOCALE) -> str:
    """A datetime, or an ISO 8601 string, as a day: `25 November 2026`, `25. November 2026`."""
    at = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return format_date(at.date(), format="long", locale=_locale_of(tag))


@lru_cache(maxsize=256)
def _locale_of(tag: str) -> Locale:
    """The region's formats if the mail is in its language, otherwise those of the default."""
    language = language_of(tag)
    neutral = _NEUTRAL_REGIONS.get(language, language)
    wanted = tag.replace("_", "-")
    if wanted.partition("-")[0].lower() != language or "-" not in wanted:
        return Locale.parse(neutral)
    try:
        return Locale.parse(wanted, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale.parse(neutral)
