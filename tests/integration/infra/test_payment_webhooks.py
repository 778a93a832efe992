"""Webhooks: signed, retried until acknowledged, never lost."""

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.simulators.database import Database
from infra.simulators.payments import webhook_sender
from infra.simulators.payments.settings import PaymentsSettings
from infra.simulators.payments.tables import TABLES, stamp
from infra.simulators.payments.webhook_sender import WebhookSender
from infra.simulators.payments.webhooks import Webhook, due_webhooks, enqueue_webhook
from tests.integration.infra.payments import charge, provider, refund
from tests.integration.infra.webhooks import SECRET, Receiver
from waypost.kernel.clock import SystemClock
from waypost.testing.eventually import eventually
from waypost.testing.http import serving


def test_webhooks_without_a_secret_are_refused_at_start() -> None:
    with pytest.raises(ValueError, match="payments_webhook_secret"):
        PaymentsSettings.model_validate({"payments_webhook_url": "http://127.0.0.1:1/"})


@asynccontextmanager
async def connected(folder: Path, receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(receiver.app()) as url,
        provider(
            folder,
            payments_webhook_url=f"{url}/webhooks/payments",
            payments_webhook_secret=SECRET,
            payments_webhook_first_retry_seconds=0.02,
        ) as payments,
    ):
        yield payments


async def test_every_outcome_is_sent_with_a_signature(tmp_path: Path) -> None:
    receiver = Receiver()
    async with connected(tmp_path, receiver) as payments:
        made = (await charge(payments, "pm_card_visa")).json()
        await charge(payments, "pm_card_declined")
        await refund(payments, charge=made["id"])
        await eventually(lambda: len(receiver.taken) == 3)
    told = {event["type"]: event["data"]["object"] for event in receiver.events()}
    assert set(told) == {"charge.succeeded", "charge.failed", "refund.succeeded"}
    assert told["charge.succeeded"] == made
    for header, body in receiver.taken:
        assert_signed(header, body)


def assert_signed(header: str, body: bytes) -> None:
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert parts["v1"] == expected


async def test_a_refused_webhook_is_sent_again_byte_for_byte(tmp_path: Path) -> None:
    receiver = Receiver(refusals=3)
    async with connected(tmp_path, receiver) as payments:
        await charge(payments, "pm_card_visa")
        await eventually(lambda: receiver.taken)
        assert [body for _, body in receiver.taken] == [receiver.refused[0]]
        assert len(set(receiver.refused)) == 1
        delivered = await eventually(lambda: delivered_event(payments))
    assert delivered["attempts"] == 4


async def delivered_event(payments: httpx.AsyncClient) -> Any:
    [event] = (await payments.get("/v1/events")).json()["data"]
    return event["delivered_at"] and event


async def test_replayed_answer_sends_no_second_webhook(tmp_path: Path) -> None:
    receiver = Receiver()
    async with connected(tmp_path, receiver) as payments:
        await charge(payments, "pm_card_visa", "inv-1")
        await charge(payments, "pm_card_visa", "inv-1")
        assert len((await payments.get("/v1/events")).json()["data"]) == 1


async def test_webhooks_are_sent_after_an_error_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([sqlite3.OperationalError("database is locked")])

    def due(*arguments: Any) -> Any:
        if error := next(errors, None):
            raise error
        return due_webhooks(*arguments)

    monkeypatch.setattr(webhook_sender, "due_webhooks", due)
    receiver = Receiver()
    async with connected(tmp_path, receiver) as payments:
        await charge(payments, "pm_card_visa")
        await eventually(lambda: receiver.taken)
    assert next(errors, None) is None


async def test_a_round_that_fails_ends_after_all_of_its_deliveries(tmp_path: Path) -> None:
    """Otherwise a delivery without an owner would write its outcome beside that of the next
    round.
    """
    ended: list[str] = []

    class FirstFails(WebhookSender):
        async def _deliver(self, webhook: Webhook) -> None:
            if not ended and webhook.payload == first:
                raise sqlite3.OperationalError("database is locked")
            for _ in range(10):
                await asyncio.sleep(0)
            ended.append(webhook.id)

    database = Database(tmp_path / "payments.sqlite3", TABLES)
    now = SystemClock().now()
    for kind in ("first", "second"):
        await database.transaction(partial(enqueue_webhook, event_type=kind, subject={}, created_at=stamp(now)))
    first = (await database.transaction(lambda rows: due_webhooks(rows, now, 2)))[0].payload
    settings = PaymentsSettings(data_directory=tmp_path)
    sender = FirstFails(database, SystemClock(), settings, "http://127.0.0.1:1/", SECRET)
    with pytest.raises(sqlite3.OperationalError):
        await sender.tick()
    assert len(ended) == 1
    await sender.stop()
    database.close()
