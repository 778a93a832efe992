"""What the payment provider's answers mean. One that is not understood decides nothing, whatever
its status.
"""

from collections.abc import Sequence
from typing import Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from services.billing.ports import Card, Decision, Declined, Succeeded
from waypost.kernel.errors import WaypostError

B = TypeVar("B", bound=BaseModel)

_UNKNOWN = "resource_missing"


class AmbiguousResponse(WaypostError):
    """Says what came, by its status alone: a body may repeat what was sent."""


class Movement(BaseModel):
    """A charge or a refund, in answers and in webhooks."""

    id: str
    status: Literal["succeeded", "failed"]
    failure_code: str | None = None

    @property
    def decision(self) -> Decision:
        if self.status == "succeeded":
            return Succeeded(provider_id=self.id)
        return Declined(reason=self.failure_code or "declined", provider_id=self.id)


class _Movements(BaseModel):
    data: Sequence[Movement]
    """Oldest first."""


class _Error(BaseModel):
    type: str
    code: str
    charge: str | None = None


class _Refusal(BaseModel):
    error: _Error


class _PaymentMethod(BaseModel):
    brand: str
    last4: str


def order_decision(response: httpx.Response) -> Decision:
    """Of an order. Raises NotUnderstood for 409 (an earlier request under the key still runs) and
    whatever else leaves it open.
    """
    if response.status_code == httpx.codes.CREATED:
        return _parse(response, Movement).decision
    error = _error_of(response)
    if _is_definite(response.status_code, error):
        return Declined(reason=error.code, provider_id=error.charge)
    raise AmbiguousResponse(f"HTTP {response.status_code}, {error.code}")


def lookup_decision(response: httpx.Response) -> Decision | None:
    """Of a look-up by key. Raises NotUnderstood: that nothing was found has to be said by the
    provider itself.
    """
    _require_ok(response)
    decisions = [decision.decision for decision in _parse(response, _Movements).data]
    succeeded = (decision for decision in decisions if isinstance(decision, Succeeded))
    return next(succeeded, decisions[-1] if decisions else None)


def card_of(response: httpx.Response) -> Card:
    """Raises NotUnderstood."""
    _require_ok(response)
    method = _parse(response, _PaymentMethod)
    return Card(brand=method.brand, last4=method.last4)


def is_unknown(response: httpx.Response) -> bool:
    """Whether the provider itself says so; any server on a wrong address says 404."""
    try:
        return response.status_code == httpx.codes.NOT_FOUND and _error_of(response).code == _UNKNOWN
    except AmbiguousResponse:
        return False


def _is_definite(status: int, error: _Error) -> bool:
    """A declined card, or an order that the provider cannot carry out. A key that was used for
    another order (400 as well) is neither: something was decided under it.
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
    raise AmbiguousResponse(f"HTTP {response.status_code} with a body of another kind")
