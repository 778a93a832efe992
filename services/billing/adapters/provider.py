"""The payment provider over HTTP. Failures are classified by one question: can the provider have
acted on the request?

An error is raised outside the `except` block, without a cause: the cause would hold the httpx
request with the card's token, and errors are logged.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from opentelemetry.instrumentation.utils import suppress_http_instrumentation

from services.billing.adapters.responses import (
    AmbiguousResponse,
    card_of,
    charges_of,
    is_taken,
    is_unknown,
    lookup_decision,
    order_decision,
)
from services.billing.domain import AttemptKind
from services.billing.domain.errors import PaymentMethodTaken, PaymentMethodUnknown
from services.billing.ports import (
    Card,
    CardOwner,
    ChargeOrder,
    Decision,
    OutcomeUnknown,
    ProviderCharge,
    ProviderUnavailable,
    RefundOrder,
)
from waypost.kernel.ids import TenantId
from waypost.web.certificates import trusted_certificates

PAGE = 100
"""Charges in one page of the provider's list."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class HttpPayments:
    """Implements `services.billing.ports.Payments`. Never resends a request: the caller decides
    whether to order again.
    """

    def __init__(self, http: httpx.AsyncClient, timeout_seconds: float) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, timeout_seconds: float) -> AsyncIterator["HttpPayments"]:
        """A client with its own connections, directly to `url`: it ignores proxies of the
        environment and follows no redirects.
        """
        # The limit of the whole request leaves time to learn that it cannot be sent.
        timeout = httpx.Timeout(timeout_seconds, connect=timeout_seconds / 3, pool=timeout_seconds / 3)
        certificates = trusted_certificates()
        async with httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False, verify=certificates) as http:
            yield cls(http, timeout_seconds)

    async def execute(self, order: ChargeOrder | RefundOrder) -> Decision:
        headers = {"Idempotency-Key": order.idempotency_key}
        response = await self._send("POST", _path(order), json=_body(order), headers=headers)
        try:
            return order_decision(response, _kind(order))
        except AmbiguousResponse as problem:
            raise OutcomeUnknown(f"the payment provider's response decides nothing: {problem}") from None

    async def find(self, order: ChargeOrder | RefundOrder) -> Decision | None:
        response = await self._get(_path(order), idempotency_key=order.idempotency_key)
        try:
            return lookup_decision(response)
        except AmbiguousResponse as problem:
            raise ProviderUnavailable(f"the payment provider's response cannot be interpreted: {problem}") from None

    async def charges(self, tenant_id: TenantId, since: datetime) -> Sequence[ProviderCharge]:
        found: list[ProviderCharge] = []
        parameters = {"tenant_id": str(tenant_id), "created_from": since.isoformat(), "limit": str(PAGE)}
        after: str | None = None
        while True:
            page = parameters | ({"starting_after": after} if after else {})
            response = await self._get("/v1/charges", **page)
            try:
                charges, after = charges_of(response)
            except AmbiguousResponse as problem:
                raise ProviderUnavailable(f"the payment provider's response cannot be interpreted: {problem}") from None
            found += charges
            if after is None:
                return found

    async def attach(self, token: str, owner: CardOwner) -> Card:
        # A repeated request has the same effect, so a missing response is the same as a request
        # that was not sent. The token is part of the URL, which a span would record.
        with suppress_http_instrumentation():
            path = f"/v1/payment_methods/{quote(token, safe='')}/attach"
            response = await self._send_repeatable("POST", path, json={"customer": owner.reference})
        if is_unknown(response):
            raise PaymentMethodUnknown
        if is_taken(response):
            raise PaymentMethodTaken
        try:
            return card_of(response)
        except AmbiguousResponse as problem:
            raise ProviderUnavailable(f"the payment provider's response cannot be interpreted: {problem}") from None

    async def _get(self, path: str, **parameters: str) -> httpx.Response:
        """Raises ProviderUnavailable."""
        return await self._send_repeatable("GET", path, params=parameters)

    async def _send_repeatable(self, method: str, path: str, **request: Any) -> httpx.Response:
        """For a request that may be sent again: a missing response is the same as a request that
        was not sent. Raises ProviderUnavailable.
        """
        try:
            return await self._send(method, path, **request)
        except OutcomeUnknown as error:
            reason = str(error)
        raise ProviderUnavailable(reason)

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Raises ProviderUnavailable if nothing was sent, OutcomeUnknown if the request was sent
        and no response arrived.
        """
        failure: type[Exception]
        try:
            # httpx limits each read: a response in small pieces could take hours.
            async with asyncio.timeout(self._timeout_seconds):
                return await self._http.request(method, path, **request)
        except (httpx.HTTPError, TimeoutError) as error:
            failure = type(error)
        if issubclass(failure, _NOT_SENT):
            raise ProviderUnavailable(f"the payment provider cannot be reached: {failure.__name__}")
        raise OutcomeUnknown(f"the payment provider did not answer: {failure.__name__}")


def _kind(order: ChargeOrder | RefundOrder) -> AttemptKind:
    return AttemptKind.CHARGE if isinstance(order, ChargeOrder) else AttemptKind.REFUND


def _path(order: ChargeOrder | RefundOrder) -> str:
    return "/v1/charges" if isinstance(order, ChargeOrder) else "/v1/refunds"


def _body(order: ChargeOrder | RefundOrder) -> Mapping[str, Any]:
    """Derived from the order only: the provider refuses a key that arrives with another body."""
    common = {"amount_minor": order.amount.amount_minor, "metadata": _metadata(order)}
    if isinstance(order, RefundOrder):
        return common | {"charge": order.charge_id}
    if order.token is None:
        raise ValueError("a charge without a card can be looked up but not executed")
    return common | {"currency": order.amount.currency, "payment_method": order.token}


def _metadata(order: ChargeOrder | RefundOrder) -> Mapping[str, str]:
    """Metadata of the order. The provider returns the metadata in its webhooks, where it identifies
    the attempt.
    """
    return {
        "tenant_id": str(order.tenant_id),
        "invoice_id": str(order.invoice_id),
        "attempt_id": str(order.attempt_id),
    }
