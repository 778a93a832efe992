from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.charges_rig import ChargesRig, charges_rig, webhook_url
from tests.faults.jobs_rig import JobsRig, jobs_rig
from tests.faults.live_rig import LiveRig, live_rig
from tests.faults.relay_rig import Rig, rigged
from tests.fixtures.jobs import migrate
from tests.fixtures.outbox import migrate_toolkit
from tests.integration.billing.service import running_billing
from tests.integration.infra.payments import provider
from tests.integration.infra.webhooks import SECRET
from waypost.native.ports import free_ports
from waypost.testing.database import Databases
from waypost.testing.kafka import Broker
from waypost.testing.topics import create_topic, unique


@pytest.fixture
async def rig(database: Databases, kafka: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """On the session's broker."""
    users = await database("users", migrate_toolkit)
    topic = await create_topic(kafka, unique("users.user"))
    async with rigged(users, kafka, topic, tmp_path) as rig:
        yield rig


@pytest.fixture
async def rig_on_own_kafka(database: Databases, own_kafka: Broker, tmp_path: Path) -> AsyncIterator[Rig]:
    """On a separate broker (`own_kafka`), which the test may kill or freeze."""
    users = await database("users", migrate_toolkit)
    topic = await create_topic(own_kafka.bootstrap, unique("users.user"))
    async with rigged(users, own_kafka.bootstrap, topic, tmp_path) as rig:
        yield rig


@pytest.fixture
async def jobs(database: Databases, tmp_path: Path) -> AsyncIterator[JobsRig]:
    """A service with background work, whose job processes the test starts and kills."""
    async with jobs_rig(await database("billing", migrate), tmp_path) as rig:
        yield rig


@pytest.fixture
async def charging(database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChargesRig]:
    """Billing, and a payment provider whose slow card is slower than billing's time-out."""
    (webhook_port,) = free_ports(1)
    impatient = {
        "payments_slow_card_seconds": 1.5,
        "payments_webhook_url": webhook_url(webhook_port),
        "payments_webhook_secret": SECRET,
        "payments_webhook_first_retry_seconds": 0.1,
        "payments_webhook_longest_retry_seconds": 0.2,
    }
    async with provider(tmp_path, **impatient) as payments:
        monkeypatch.setenv("WAYPOST_PAYMENTS_URL", str(payments.base_url))
        monkeypatch.setenv("WAYPOST_PAYMENTS_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("WAYPOST_PAYMENTS_TIMEOUT_SECONDS", "1")
        async with (
            running_billing(await database("billing"), payments) as billing,
            charges_rig(billing, tmp_path, webhook_port) as rig,
        ):
            yield rig


@pytest.fixture
async def live(own_kafka: Broker, tmp_path: Path) -> AsyncIterator[LiveRig]:
    """The live view on a separate broker, because its topic names are fixed."""
    async with live_rig(own_kafka, tmp_path) as rig:
        yield rig
