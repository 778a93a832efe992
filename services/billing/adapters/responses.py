"""Interpretation of the payment provider's responses. An ambiguous response decides nothing, with
any status.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from services.billing.domain import AttemptKind
from services.billing.ports import UNEXPLAINED, Card, Decision, Declined, ProviderCharge, Reported, Succeeded
from waypost.kernel.errors import WaypostError
from waypost.kernel.money import Money

B = TypeVar("B", bound=BaseModel)

_UNKNOWN = "resource_missing"
_TAKEN = "payment_method_taken"


class AmbiguousResponse(WaypostError):
    """The provider's response does not decide the order. The message holds the status only: a body
    may repeat the request.
    """


class ProviderMoney(BaseModel):
    """An amount in responses and in webhooks."""

    id: Annotated[str, Field(min_length=1, max_length=255)]
    amount_minor: Annotated[int, Field(strict=True, gt=0, lt=2**63)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class ProviderPayment(ProviderMoney):
    """A charge or a refund, in responses and in webhooks."""

    object: Literal["charge", "refund"]
    status: Literal["succeeded", "failed"]
    failure_code: str | None = None

    @property
    def decision(self) -> Decision:
        reported = Reported(kind=AttemptKind(self.object), amount=self.amount)
        if self.status == "succeeded":
            return Succeeded(provider_id=self.id, reported=reported)
        return Declined(reason=self.failure_code or UNEXPLAINED, provider_id=self.id, reported=reported)


class _Charge(ProviderPayment):
    amount_refunded_minor: Annotated[int, Field(strict=True, ge=0, lt=2**63)]
    created_at: AwareDatetime
    metadata: Mapping[str, str] = {}

    @property
    def attempt_id(self) -> UUID | None:
        try:
            return UUID(self.metadata.get("attempt_id", ""))
        except ValueError:
            return None


class _Charges(BaseModel):
    data: Sequence[_Charge]
    has_more: bool = False


class _ProviderPayments(BaseModel):
    data: Sequence[ProviderPayment]
    """Oldest first."""


class _Error(BaseModel):
    type: str
    code: str
    charge: str | None = None
    """The declined charge, or the one that was not refunded."""
    refund: str | None = None


class _Refusal(BaseModel):
    error: _Error


class _PaymentMethod(BaseModel):
    id: str
    brand: str
    last4: str


def order_decision(response: httpx.Response, kind: AttemptKind) -> Decision:
    """The decision about an order of this kind. Raises AmbiguousResponse for 409 (an earlier
    request under the key is still running) and for each response that leaves the outcome open.
    """
    if response.status_code == httpx.codes.CREATED:
        return _parse(response, ProviderPayment).decision
    error = _error_of(response)
    if _is_definite(response.status_code, error):
        return Declined(reason=error.code, provider_id=error.charge if kind is AttemptKind.CHARGE else error.refund)
    raise AmbiguousResponse(f"HTTP {response.status_code}, {error.code}")


def lookup_decision(response: httpx.Response) -> Decision | None:
    """The decision found by an idempotency key, or None. Raises AmbiguousResponse: only the
    provider itself can state that the key is unknown.
    """
    _require_ok(response)
    decisions = [decision.decision for decision in _parse(response, _ProviderPayments).data]
    succeeded = (decision for decision in decisions if isinstance(decision, Succeeded))
    return next(succeeded, decisions[-1] if decisions else None)


def charges_of(response: httpx.Response) -> tuple[Sequence[ProviderCharge], str | None]:
    """The successful charges of one page, and the id after which the next page begins; None on the
    last page. Raises AmbiguousResponse.
    """
    _require_ok(response)
    page = _parse(response, _Charges)
    charges = [
        ProviderCharge(
            id=charge.id,
            amount=charge.amount,
            refunded_minor=charge.amount_refunded_minor,
            created_at=charge.created_at,
            attempt_id=charge.attempt_id,
        )
        for charge in page.data
        if charge.status == "succeeded"
    ]
    return charges, page.data[-1].id if page.has_more and page.data else None


def card_of(response: httpx.Response) -> Card:
    """The card in the response. Raises AmbiguousResponse."""
    _require_ok(response)
    method = _parse(response, _PaymentMethod)
    return Card(token=method.id, brand=method.brand, last4=method.last4)


def is_unknown(response: httpx.Response) -> bool:
    """Whether the provider itself reports an unknown resource. Any server at a wrong address
    answers 404.
    """
    try:
        return response.status_code == httpx.codes.NOT_FOUND and _error_of(response).code == _UNKNOWN
    except AmbiguousResponse:
        return False


def is_taken(response: httpx.Response) -> bool:
    """Whether the card belongs to another customer at the provider."""
    try:
        return response.status_code == httpx.codes.BAD_REQUEST and _error_of(response).code == _TAKEN
    except AmbiguousResponse:
        return False


def _is_definite(status: int, error: _Error) -> bool:
    """True for a declined card, or for an order that the provider cannot execute. False for a key
    that was used for another order (also 400): the provider decided another order under it.
    """
    match status:
        case httpx.codes.PAYMENT_REQUIRED:
            return True
        case httpx.codes.BAD_REQUEST:
            return error.type == "invalid_request_error"
        case httpx.codes.NOT_FOUND:
            return error.code == _UNKNOWN
        case _:
            return False


def _error_of(response: httpx.Response) -> _Error:
    return _parse(response, _Refusal).error


def _require_ok(response: httpx.Response) -> None:
    if response.status_code != httpx.codes.OK:
        raise AmbiguousResponse(f"HTTP {response.status_code}")


def _parse(response: httpx.Response, kind: type[B]) -> B:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError:
        pass
    raise AmbiguousResponse(f"HTTP {response.status_code} with an unexpected body")
