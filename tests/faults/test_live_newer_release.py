"""A record of a newer release: the live view waits outside of its group, and reports it."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.billing import InvoicePaid
from services.billing.live import view
from services.billing.live.newer_record import NewerRecord
from services.billing.live.topology import NAME, Topology
from services.billing.live.view import LiveView
from tests.faults.live_rig import LiveRig
from tests.fixtures.movements import CODEC, Invoices, publish
from tests.unit.billing.invoices import paid
from waypost.engine.process import Explained
from waypost.kafka.groups import group_state
from waypost.kernel.backoff import Backoff
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.project import on_cluster
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually
from waypost.web.probes import Readiness

pytestmark = pytest.mark.timeout(120)


async def test_a_record_of_a_newer_release_is_waited_for_outside_of_the_group(
    live: LiveRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "CHECKS", Backoff(first_seconds=0.2, factor=1.0, max_seconds=0.2))
    built: list[Topology] = []
    build = Topology.build

    def counted(*arguments: Any) -> Topology:
        built.append(build(*arguments))
        return built[-1]

    monkeypatch.setattr(Topology, "build", counted)
    invoices = Invoices(random.Random(7), datetime.now(UTC))  # noqa: S311 - stories, not secrets
    newer = await publish_newer(live.bootstrap)
    async with live.running() as running:
        await eventually(partial(waits, running), deadline_seconds=40)
        assert await members(live) == 0, "it is still in its group"
        checked = running.failures
        await eventually(lambda: running.failures > checked + 3, deadline_seconds=20)
        assert len(built) == 1, "it has joined its group again"
        assert (await readiness(running).missing())["live view"].startswith("NewerRecord: schema id")

        async with newer_process(live, newer):
            checked = running.failures
            await eventually(lambda: running.failures > checked + 3, deadline_seconds=20)
            assert len(built) == 1, "it joins beside a process of the newer release"
        await eventually(running.ready.is_set, deadline_seconds=40)
        assert await readiness(running).missing() == {}
        invoices.add(5)
        await publish(live.bootstrap, invoices.envelopes)
        await live.agrees_with(invoices)
    assert len(built) == 2


async def publish_newer(bootstrap: str) -> TopicPartition:
    (event,) = (event for event in paid().recorded if isinstance(event, InvoicePaid))
    envelope = envelope_of(event)
    value = b"\0" + (max(CODEC._formats.by_id) + 1).to_bytes(4, "big") + b"body"
    headers = list(to_headers(to_metadata(envelope)))
    key = str(envelope.aggregate_id).encode()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        sent = await producer.send_and_wait(on_cluster(event.topic), value, key=key, headers=headers)
    return TopicPartition(sent.topic, sent.partition)


@asynccontextmanager
async def newer_process(live: LiveRig, met: TopicPartition) -> AsyncIterator[None]:
    """A member of the group that has handled the record."""
    consumer = AIOKafkaConsumer(met.topic, bootstrap_servers=live.bootstrap, group_id=on_cluster(NAME))
    await consumer.start()
    try:
        await eventually(consumer.assignment, deadline_seconds=20)
        await consumer.commit({met: 1})
        yield
    finally:
        await consumer.stop()


def readiness(running: LiveView) -> Readiness:
    assert isinstance(running, Explained)
    return Readiness(checks={running.name: running.check})


async def waits(running: LiveView) -> bool:
    try:
        await running.check()
    except NewerRecord as newer:
        assert "waypost doctor" in str(newer)
        return True
    return False


async def members(live: LiveRig) -> int:
    return (await group_state(live.bootstrap, NAME)).members
