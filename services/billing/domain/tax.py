"""Tax on lines, and its part in refunds.

Percentages are integers of millionths; no amount is ever a float. Tax is rounded once per rate over
the whole invoice (EN 16931, rules BR-CO-17 and BR-S-09), half up (DIN 1333). The lines of a rate
share this amount: each line adds the difference that it makes to the rounded sum.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

PPM = 1_000_000
"""The whole, in millionths."""
PERCENT = PPM // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """A rate of the tenant. Its percentage never changes: another rate replaces it."""

    id: UUID
    name: str
    ppm: int
    """The percentage in millionths of the whole, 0 to 1,000,000: 190,000 is 19 %."""
    inclusive: bool
    """Whether prices include the tax; otherwise it is added to them."""
    is_default: bool = False
    """Whether the invoices of subscriptions have it."""
    created_at: datetime
    archived_at: datetime | None = None
    changed_by: UUID | None = None
    """The user who made it the default, ended this or archived it last."""
    changed_at: datetime | None = None

    @property
    def percentage(self) -> str:
        return percentage_of(self.ppm)

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    def tax_in(self, priced_minor: int) -> int:
        """The tax on prices that sum to `priced_minor`, in minor units, rounded half up."""
        return rounded_tax(priced_minor, self.ppm, inclusive=self.inclusive)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """The tax of one line: a copy of the rate as it was, and the line's amount of tax."""

    rate_id: UUID
    name: str
    ppm: int
    inclusive: bool
    tax_minor: int

    @property
    def percentage(self) -> str:
        return percentage_of(self.ppm)


RateKey = tuple[str, int, bool]
"""The name, the millionths and the kind, as an invoice shows them. A rate that is created again
rounds together with the first one.
"""


def key_of(rate: TaxRate | LineTax) -> RateKey:
    return rate.name, rate.ppm, rate.inclusive


class TaxedLine(Protocol):
    @property
    def tax(self) -> LineTax | None: ...
    @property
    def net_minor(self) -> int: ...


@dataclass(slots=True, kw_only=True)
class TaxTotal:
    """The tax of one rate over an invoice. Rates with the same name, percentage and kind are one
    rate.
    """

    name: str
    percentage: str
    inclusive: bool
    net_minor: int = field(default=0)
    """The amount that the tax refers to, without the tax."""
    tax_minor: int = field(default=0)


def rounded_tax(priced_minor: int, ppm: int, *, inclusive: bool) -> int:
    """Half up: 0.5 becomes 1. `priced_minor` is at least 0."""
    whole = PPM + ppm if inclusive else PPM
    return (2 * priced_minor * ppm + whole) // (2 * whole)


def tax_totals(lines: Iterable[TaxedLine]) -> Sequence[TaxTotal]:
    """One total per rate, in the order of their first lines."""
    totals: dict[RateKey, TaxTotal] = {}
    for line in lines:
        if (tax := line.tax) is None:
            continue
        empty = TaxTotal(name=tax.name, percentage=tax.percentage, inclusive=tax.inclusive)
        total = totals.setdefault(key_of(tax), empty)
        total.net_minor += line.net_minor
        total.tax_minor += tax.tax_minor
    return list(totals.values())


def refunded_tax(amount_minor: int, *, total: int, tax: int, refunded: int, refunded_tax: int) -> int:
    """The tax in a refund of `amount_minor`. All amounts are minor units.

    All refunds together contain the tax in proportion to their sum, rounded half up, so that many
    small refunds do not drift away from one large one. The bounds keep what is left of the tax
    between 0 and what is left of the total, also after a refund has failed: the refund of the rest
    contains exactly the rest of the tax.
    """
    left, tax_left = total - refunded, tax - refunded_tax
    proportional = _share(refunded + amount_minor, tax, total) - refunded_tax
    return min(max(proportional, 0, tax_left - (left - amount_minor)), amount_minor, tax_left)


def _share(part: int, tax: int, total: int) -> int:
    return (2 * part * tax + total) // (2 * total) if total else 0


def percentage_of(ppm: int) -> str:
    """`19`, `8.875`: without trailing zeros."""
    whole, rest = divmod(ppm, PERCENT)
    return f"{whole}.{rest:04}".rstrip("0") if rest else str(whole)


def ppm_of(percentage: str) -> int:
    """The millionths of a decimal with at most four decimals, such as `19` or `8.875`."""
    whole, _, rest = percentage.partition(".")
    return int(whole) * PERCENT + int(rest.ljust(4, "0")[:4])
