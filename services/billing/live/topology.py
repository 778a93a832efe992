"""What runs in the Faust application: billing.invoice → gathered by tenant → tables → billing.revenue."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import StreamT, TopicT

from schemas.billing import InvoicePaid, RevenueWindowTotaled
from services.billing.live.counting import Counting
from services.billing.live.gathering import Gathering
from services.billing.live.records import Handle, HandledEvent, each_in_order
from services.billing.live.tables import BROKERS_DEFAULT, IN_LOG_AS_LONG, LiveTables
from shared.kernel.clock import Clock
from shared.ports.codec import EventCodec

log = structlog.get_logger()

NAME = "billing.live"
"""Of the application, its consumer group and, in front, its own topics."""
PARTITIONS = 8
"""Like every topic's, and like theirs it never changes."""
SESSION_SECONDS = 6.0  # the broker's least: that long a killed process holds its partitions


@dataclass(frozen=True, slots=True)
class Topology:
    app: faust.App
    tables: LiveTables
    gathered: TopicT
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a record could not be handled. Nothing after it was, and nothing will be: the application is to be built anew."""

    @classmethod
    def build(cls, bootstrap: str, directory: Path, codec: EventCodec, clock: Clock) -> "Topology":
        app = _application(bootstrap, directory)
        gathered = _own_topic(app, f"{NAME}-by-tenant")
        topology = cls(app, LiveTables(app, PARTITIONS), gathered)
        gathering = Gathering(codec, gathered, PARTITIONS, NAME)
        counting = Counting(codec, topology.tables, _topic(app, RevenueWindowTotaled.topic), clock, NAME)
        topology._run("gathering", _topic(app, InvoicePaid.topic), gathering.take)
        topology._run("counting", gathered, counting.take)
        return topology

    async def declare(self) -> None:
        """Makes the application's own topics. One that is made while the group forms would be in nobody's assignment."""
        for topic in (self.gathered, *self.tables.changelogs()):
            await topic.declare()

    def _run(self, name: str, topic: TopicT, handle: Handle) -> None:
        async def agent(stream: StreamT[bytes]) -> None:
            try:
                await each_in_order(stream, handle)
            except Exception:
                log.exception("live_record_failed", agent=name)
                self.failed.set()
                # Faust would start the agent again, behind the record that it failed with.
                await asyncio.Event().wait()

        self.app.agent(topic, name=f"{NAME}-{name}")(agent)


def _application(bootstrap: str, directory: Path) -> faust.App:
    return faust.App(
        NAME,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=directory,
        Event=HandledEvent,
        topic_partitions=PARTITIONS,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 5,
        broker_commit_interval=1.0,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
    )


def _topic(app: faust.App, name: str, **options: Any) -> TopicT:
    """Of records as they are: the house's codec reads and writes them."""
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    return app.topic(name, **raw, **options)


def _own_topic(app: faust.App, name: str) -> TopicT:
    return _topic(
        app, name, internal=True, partitions=PARTITIONS, replicas=BROKERS_DEFAULT, deleting=True, config=IN_LOG_AS_LONG
    )
