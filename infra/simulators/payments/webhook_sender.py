"""Delivers webhooks until the receiver answers 2xx: at least once, each on its own schedule, in no
guaranteed order.
"""

import asyncio
import contextlib
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
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import Clock
from waypost.web.certificates import trusted_certificates

BATCH = 16


class WebhookSender:
    def __init__(self, database: Database, clock: Clock, settings: PaymentsSettings, url: str, secret: str) -> None:
        self._database = database
        self._clock = clock
        self._url = url
        self._secret = secret
        self._timeout_seconds = settings.payments_webhook_timeout_seconds
        self._pauses = Backoff(
            first_seconds=settings.payments_webhook_first_retry_seconds,
            factor=2.0,
            max_seconds=settings.payments_webhook_longest_retry_seconds,
        )
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Call it when a webhook may have been enqueued."""
        self._news.set()

    async def run(self) -> None:
        """Runs until it is cancelled, or until its database fails. The next run resends interrupted
        deliveries.
        """
        # The environment's proxies are for external hosts; receivers run on this host.
        certificates = trusted_certificates()
        async with httpx.AsyncClient(timeout=self._timeout_seconds, trust_env=False, verify=certificates) as client:
            while True:
                self._news.clear()
                due = await self._database.transaction(lambda rows: due_webhooks(rows, self._clock.now(), BATCH))
                await asyncio.gather(*(self._deliver(client, webhook) for webhook in due))
                if not due:
                    await self._rest()

    async def _rest(self) -> None:
        upcoming = await self._database.transaction(next_attempt_at)
        seconds = None if upcoming is None else max(0.0, (upcoming - self._clock.now()).total_seconds())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _deliver(self, client: httpx.AsyncClient, webhook: Webhook) -> None:
        error = await self._post(client, webhook)
        now = self._clock.now()
        if error is None:
            await self._database.transaction(lambda rows: mark_delivered(rows, webhook, now))
        else:
            retry_at = now + timedelta(seconds=self._pauses.seconds(webhook.attempts + 1))
            await self._database.transaction(lambda rows: mark_failed(rows, webhook, error, retry_at))

    async def _post(self, client: httpx.AsyncClient, webhook: Webhook) -> str | None:
        """The error, or None. Each attempt has a new signature: receivers refuse old timestamps."""
        signed = signature(self._secret, int(self._clock.now().timestamp()), webhook.payload)
        headers = {"content-type": "application/json", SIGNATURE_HEADER: signed}
        try:
            answer = await client.post(self._url, content=webhook.payload, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return None if answer.is_success else f"HTTP {answer.status_code}"
