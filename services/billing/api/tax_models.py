"""Request bodies and responses about tax."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints

from waypost.web.models import OneLine, RequestModel, ResponseModel

Percentage = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^(100(\.0{1,4})?|[1-9]?[0-9](\.[0-9]{1,4})?)$"),
    Field(examples=["19", "8.875"]),
]
"""An exact decimal, as text: JSON numbers may be read as floats."""


class NewTaxRate(RequestModel):
    name: OneLine
    """As invoices show it, for example `VAT`."""
    percentage: Percentage
    """From 0 to 100, with four decimals at most."""
    inclusive: StrictBool
    """True if prices include the tax; false if it is added to them."""


class TaxRateView(ResponseModel):
    id: UUID
    name: str
    percentage: str
    """An exact decimal without trailing zeros, such as `19` or `8.875`."""
    inclusive: bool
    """True if prices include the tax; false if it is added to them."""
    is_default: bool
    """Whether the invoices of subscriptions have this rate."""
    archived: bool
    """New lines cannot name an archived rate."""
    created_at: datetime
    archived_at: datetime | None
    changed_by: UUID | None
    """The user who made it the default, ended this or archived it last; null before."""
    changed_at: datetime | None


class LineTaxView(ResponseModel):
    """The rate as it was when the line was added, and the line's tax."""

    rate_id: UUID
    name: str
    percentage: str
    inclusive: bool
    tax_minor: int


class TaxTotalView(ResponseModel):
    """The tax of one rate. It is rounded once, half up, over all lines of the rate. Rates with the
    same name, percentage and kind are one.
    """

    name: str
    percentage: str
    inclusive: bool
    net_minor: int
    """The sum of the rate's lines without tax."""
    tax_minor: int
