"""Delivers webhooks until the receiver answers 2xx: at least once, each on its own schedule, in no
guaranteed order.
"""

import asyncio
from datetime import timedelta

import httpx

from infra.simulators.database import Database
from infra.simulators.payments.settings import PaymentsSettings
from infra.simulators.payments.webhooks import (
    SIGNATURE_HEADER,
    Webhook,
    due_webhooks,
    mark_delivered,
    mark_failed,
    next_attempt_at,
    signature,
)
from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import Clock
from waypost.web.certificates import trusted_certificates

BATCH = 16
LONGEST_REST_SECONDS = 3600.0


class WebhookSender(PeriodicLoop):
    """A round delivers the due webhooks; after an error the next one sends interrupted deliveries
    again.
    """

    name = "webhooks"

    def __init__(self, database: Database, clock: Clock, settings: PaymentsSettings, url: str, secret: str) -> None:
        super().__init__(every_seconds=LONGEST_REST_SECONDS)
        self._database = database
        self._clock = clock
        self._url = url
        self._secret = secret
        self._pauses = Backoff(
            first_seconds=settings.payments_webhook_first_retry_seconds,
            factor=2.0,
            max_seconds=settings.payments_webhook_longest_retry_seconds,
        )
        # The environment's proxies are for external hosts; receivers run on this host.
        self._client = httpx.AsyncClient(
            timeout=settings.payments_webhook_timeout_seconds, trust_env=False, verify=trusted_certificates()
        )

    def wake(self) -> None:
        """Call it when a webhook may have been enqueued."""
        self.wakeup.set()

    async def stop(self) -> None:
        await super().stop()
        await self._client.aclose()

    async def tick(self) -> float | None:
        """Raises the first error of the deliveries, once all have ended."""
        due = await self._database.transaction(lambda rows: due_webhooks(rows, self._clock.now(), BATCH))
        results = await asyncio.gather(*map(self._deliver, due), return_exceptions=True)
        for error in filter(None, results):
            raise error
        return 0.0 if due else await self._rest_seconds()

    async def _rest_seconds(self) -> float | None:
        upcoming = await self._database.transaction(next_attempt_at)
        return None if upcoming is None else max(0.0, (upcoming - self._clock.now()).total_seconds())

    async def _deliver(self, webhook: Webhook) -> None:
        error = await self._post(webhook)
        now = self._clock.now()
        if error is None:
            await self._database.transaction(lambda rows: mark_delivered(rows, webhook, now))
        else:
            retry_at = now + timedelta(seconds=self._pauses.seconds(webhook.attempts + 1))
            await self._database.transaction(lambda rows: mark_failed(rows, webhook, error, retry_at))

    async def _post(self, webhook: Webhook) -> str | None:
        """The error, or None. Each attempt has a new signature: receivers refuse old timestamps."""
        signed = signature(self._secret, int(self._clock.now().timestamp()), webhook.payload)
        headers = {"content-type": "application/json", SIGNATURE_HEADER: signed}
        try:
            answer = await self._client.post(self._url, content=webhook.payload, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return None if answer.is_success else f"HTTP {answer.status_code}"
