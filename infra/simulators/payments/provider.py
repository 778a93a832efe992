"""The provider's two operations. The decision, the key's response and the webhook commit together,
before the response is sent.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from sqlite3 import Connection
from typing import Any

from infra.simulators.database import Database
from infra.simulators.payments.bodies import ChargeOrder, RefundOrder
from infra.simulators.payments.cards import Card, CardBehaviour
from infra.simulators.payments.charges import add_charge, get_charge
from infra.simulators.payments.errors import ErrorType, error_body, out_of_order
from infra.simulators.payments.idempotency import Flights, StoredResponse, recall, remember
from infra.simulators.payments.payment_methods import add_payment_method, attach, card_of
from infra.simulators.payments.refunds import add_refund
from infra.simulators.payments.settings import PaymentsSettings
from infra.simulators.payments.tables import stamp
from infra.simulators.payments.webhooks import enqueue_webhook
from waypost.kernel.clock import Clock


class Provider:
    def __init__(self, database: Database, clock: Clock, settings: PaymentsSettings) -> None:
        self._database = database
        self._clock = clock
        self._flights = Flights()
        self._slow_seconds = settings.payments_slow_card_seconds
        self._key_lifetime = timedelta(seconds=settings.payments_key_lifetime_seconds)

    async def charge(self, key: str, order: ChargeOrder) -> StoredResponse:
        """201, or 402 when the card declines; raises `ProviderError` when nothing was decided."""
        card = await self.card_of(order.payment_method)
        with self._flights.hold(key):
            known = await self._recall(key, order)
            if known is None:
                await self._delay_response(key, card)
                known = await self._decide(key, order, lambda connection, at: _charge(connection, key, order, card, at))
        return known

    async def card_of(self, token: str) -> Card:
        """Raises `ProviderError` 404."""
        return await self._database.transaction(lambda connection: card_of(connection, token))

    async def add_payment_method(self, card: str) -> dict[str, Any]:
        """Raises `ProviderError` 404."""
        at = stamp(self._clock.now())
        return await self._database.transaction(lambda connection: add_payment_method(connection, card, at))

    async def attach(self, token: str, customer: str) -> dict[str, Any]:
        """Raises `ProviderError` 404, and 400 for a payment method of another customer."""
        at = stamp(self._clock.now())
        return await self._database.transaction(lambda connection: attach(connection, token, customer, at))

    async def refund(self, key: str, order: RefundOrder) -> StoredResponse:
        """201; raises `ProviderError` when nothing was decided."""
        with self._flights.hold(key):
            return await self._recall(key, order) or await self._decide(
                key, order, lambda connection, at: _refund(connection, key, order, at)
            )

    async def _recall(self, key: str, order: ChargeOrder | RefundOrder) -> StoredResponse | None:
        forget_before = stamp(self._clock.now() - self._key_lifetime)
        return await self._database.transaction(
            lambda connection: recall(connection, key, order.fingerprint(), forget_before)
        )

    async def _delay_response(self, key: str, card: Card) -> None:
        if card.behaviour is CardBehaviour.SLOW:
            await asyncio.sleep(self._slow_seconds)
        if card.behaviour is CardBehaviour.UNAVAILABLE_ONCE and await self._database.transaction(
            lambda connection: _first_refusal(connection, key)
        ):
            raise out_of_order()

    async def _decide(
        self, key: str, order: ChargeOrder | RefundOrder, act: Callable[[Connection, str], StoredResponse]
    ) -> StoredResponse:
        created_at = stamp(self._clock.now())

        def decided(connection: Connection) -> StoredResponse:
            response = act(connection, created_at)
            remember(connection, key, order.fingerprint(), response, created_at)
            return response

        return await self._database.transaction(decided)


def _charge(connection: Connection, key: str, order: ChargeOrder, card: Card, created_at: str) -> StoredResponse:
    charge = add_charge(connection, key, order, card, created_at)
    enqueue_webhook(connection, f"charge.{charge['status']}", charge, created_at)
    if card.decline is None:
        return StoredResponse(status=201, body=charge)
    return StoredResponse(status=402, body=_declined(card.decline.code, card.decline.message, charge))


def _refund(connection: Connection, key: str, order: RefundOrder, created_at: str) -> StoredResponse:
    refund = add_refund(connection, key, order, get_charge(connection, order.charge), created_at)
    enqueue_webhook(connection, f"refund.{refund['status']}", refund, created_at)
    return StoredResponse(status=201, body=refund)


def _declined(code: str, message: str, charge: dict[str, Any]) -> dict[str, Any]:
    return error_body(ErrorType.CARD, code, message, charge=charge["id"])


def _first_refusal(connection: Connection, key: str) -> bool:
    return connection.execute("insert or ignore into outages (key) values (?)", (key,)).rowcount == 1
