"""What can be subscribed to."""

from dataclasses import dataclass
from enum import StrEnum

from waypost.kernel.money import Money


class Interval(StrEnum):
    MONTH = "month"
    YEAR = "year"

    @property
    def months(self) -> int:
        return 12 if self is Interval.YEAR else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A subscription keeps the plan as it was agreed on, whatever the catalogue says later."""

    code: str
    interval: Interval
    """Length of a period."""
    amount_minor: int
    """Of one period."""
    currency: str

    @property
    def price(self) -> Money:
        return Money(self.amount_minor, self.currency)
