"""A plan that customers can subscribe to."""

from dataclasses import dataclass, field
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
    """A subscription keeps the plan that was agreed, also if the catalogue changes later."""

    code: str
    interval: Interval
    """Length of a period."""
    amount_minor: int
    """Price of one period."""
    currency: str
    trial_days: int = field(default=0, compare=False)
    """Length of the trial that is offered; 0 for none. It is not part of what is agreed."""

    @property
    def price(self) -> Money:
        return Money(self.amount_minor, self.currency)
