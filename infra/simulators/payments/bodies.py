"""Request bodies of the provider, and the fingerprint that identifies a repeated request."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Minor = Annotated[int, Field(gt=0, lt=2**63, description="whole minor units")]
Metadata = Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(max_length=50)]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    metadata: Metadata = Field(default_factory=dict)

    def fingerprint(self) -> str:
        """Equal for requests with the same meaning, independent of white space, field order and
        omitted defaults.
        """
        facts = self.model_copy(update={"metadata": dict(sorted(self.metadata.items()))})
        return hashlib.sha256(f"{type(self).__name__} {facts.model_dump_json()}".encode()).hexdigest()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewPaymentMethod(_Body):
    card: str = Field(description="a test card")


class Attachment(_Body):
    customer: str = Field(min_length=1, max_length=255, description="the caller's own name for the customer")


class ChargeOrder(_Order):
    amount_minor: Minor
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")
    payment_method: str


class RefundOrder(_Order):
    charge: str
    amount_minor: Minor | None = Field(default=None, description="absent: all that is left of the charge")
