"""Error responses of the provider: `{error: {type, code, message}}`."""

from enum import StrEnum
from typing import Any


class ErrorType(StrEnum):
    INVALID_REQUEST = "invalid_request_error"
    IDEMPOTENCY = "idempotency_error"
    CARD = "card_error"
    API = "api_error"


class ProviderError(Exception):
    """Refused before anything was decided: no charge or refund exists, and the key may be used
    again.
    """

    def __init__(self, status: int, error_type: ErrorType, code: str, message: str) -> None:
        self.status = status
        self.body = error_body(error_type, code, message)
        super().__init__(message)


def error_body(error_type: ErrorType, code: str, message: str, **facts: str) -> dict[str, Any]:
    return {"error": {"type": error_type.value, "code": code, "message": message, **facts}}


def no_such(kind: str, identifier: str) -> ProviderError:
    return ProviderError(404, ErrorType.INVALID_REQUEST, "resource_missing", f"No such {kind}: {identifier!r}")


def taken(token: str) -> ProviderError:
    return unusable("payment_method_taken", f"The payment method {token!r} belongs to another customer")


def unusable(code: str, message: str) -> ProviderError:
    return ProviderError(400, ErrorType.INVALID_REQUEST, code, message)


def key_in_use(key: str) -> ProviderError:
    return ProviderError(
        409, ErrorType.IDEMPOTENCY, "idempotency_key_in_use", f"Another request with the key {key!r} is still running"
    )


def key_reused(key: str) -> ProviderError:
    return ProviderError(
        400, ErrorType.IDEMPOTENCY, "idempotency_key_reused", f"The key {key!r} was first used with another request"
    )


def out_of_order() -> ProviderError:
    return ProviderError(503, ErrorType.API, "service_unavailable", "The provider is briefly unavailable; try again")
