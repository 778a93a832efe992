"""A killed provider: after its restart, charges with and without a response are still there."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.fixtures.server_process import spawned
from tests.integration.infra.payments import charge, charges
from tests.integration.infra.webhooks import SECRET, Receiver
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.eventually import eventually
from waypost.testing.http import caller, serving

MODULE = "infra.simulators.payments"


async def test_a_charge_outlives_a_kill_between_its_commit_and_its_answer(tmp_path: Path) -> None:
    [port] = free_ports(1)
    async with caller(f"http://{LOOPBACK}:{port}") as payments:
        async with spawned(MODULE, port, tmp_path, {}) as first:
            unanswered = asyncio.create_task(charge(payments, "pm_card_timeout_after_charge", "inv-1"))
            made = await eventually(lambda: charges(payments, "inv-1"))
            await first.kill()
            with pytest.raises(httpx.TransportError):
                await unanswered
        async with spawned(MODULE, port, tmp_path, {}):
            again = await charge(payments, "pm_card_timeout_after_charge", "inv-1")
            assert [again.json()] == made
            assert again.headers["idempotent-replayed"] == "true"


async def test_a_kill_loses_neither_charge_nor_key_nor_webhook(tmp_path: Path) -> None:
    [port] = free_ports(1)
    receiver = Receiver()
    async with caller(f"http://{LOOPBACK}:{port}") as payments:
        async with spawned(MODULE, port, tmp_path, {}) as first:
            made = await charge(payments, "pm_card_visa", "inv-1")
            await first.kill()
        async with serving(receiver.app()) as url:
            settings = {
                "WAYPOST_PAYMENTS_WEBHOOK_URL": f"{url}/webhooks/payments",
                "WAYPOST_PAYMENTS_WEBHOOK_SECRET": SECRET,
            }
            async with spawned(MODULE, port, tmp_path, settings):
                again = await charge(payments, "pm_card_visa", "inv-1")
                assert again.json() == made.json()
                assert again.headers["idempotent-replayed"] == "true"
                await eventually(lambda: receiver.taken)
    assert receiver.events()[0]["data"]["object"] == made.json()
