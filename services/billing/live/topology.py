"""What runs in the Faust application: billing.invoice → gathered by tenant → tables →
billing.revenue.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import faust
import structlog
from faust.types import StreamT, TopicT

from schemas.billing import InvoicePaid, RevenueWindowTotaled
from services.billing.live.consumer import FaithfulConsumer, FaithfulTransport
from services.billing.live.record_reader import Handle, Reading
from services.billing.live.repartitioner import Gathering
from services.billing.live.tables import IN_LOG_AS_LONG, LiveTables
from services.billing.live.window_counter import Counting
from waypost.kernel.clock import Clock
from waypost.ports.codec import EventCodec
from waypost.project import on_cluster

log = structlog.get_logger()

NAME = "billing.live"
"""Of the application, its consumer group and, in front, its own topics."""
GATHERED = f"{NAME}-by-tenant"
PARTITIONS = 8
"""Like every topic's, and like theirs it never changes."""
METADATA_MILLISECONDS = 10_000
LOOK_AGAIN_SECONDS = 1.0
SESSION_SECONDS = 6.0  # the broker's least: that long a killed process holds its partitions


@dataclass(frozen=True, slots=True)
class Topology:
    app: faust.App
    tables: LiveTables
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a record could not be handled. Nothing after it was, and nothing will be: the
    application is to be built anew.
    """

    @classmethod
    def build(cls, bootstrap: str, directory: Path, codec: EventCodec, clock: Clock) -> "Topology":
        app = _application(bootstrap, directory)
        topology = cls(app, LiveTables(app, PARTITIONS))
        gathered = _topic(app, GATHERED)
        gathering = Gathering(codec, gathered, PARTITIONS, NAME)
        counting = Counting(codec, topology.tables, _topic(app, RevenueWindowTotaled.topic), clock, NAME)
        topology._run("gathering", _topic(app, InvoicePaid.topic), gathering.take)
        topology._run("counting", gathered, counting.take)
        return topology

    @property
    def own_topics(self) -> Mapping[str, Mapping[str, str]]:
        """With their settings."""
        return {on_cluster(GATHERED): {"cleanup.policy": "delete", **IN_LOG_AS_LONG}, **self.tables.changelogs}

    def _run(self, name: str, topic: TopicT, handle: Handle) -> None:
        reading = Reading(topic.get_topic_name(), handle)

        async def agent(stream: StreamT[bytes]) -> None:
            try:
                await reading.read(stream)
            except Exception:
                log.exception("live_record_failed", agent=name)
                self.failed.set()
                # Faust would start the agent again, behind the record that it failed with.
                await asyncio.Event().wait()

        async def look_again() -> None:
            # No timer of Faust's: a look waits behind the consumer's fetch, and a timer warns each
            # time that takes its interval.
            while not self.app.should_stop:
                await self.app.sleep(LOOK_AGAIN_SECONDS)
                await reading.look_again(cast(FaithfulConsumer, self.app.consumer))

        self.app.agent(topic, name=f"{NAME}-{name}")(agent)
        self.app.task(look_again)


def _application(bootstrap: str, directory: Path) -> faust.App:
    app = faust.App(
        on_cluster(NAME),
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=directory,
        topic_partitions=PARTITIONS,
        consumer_metadata_max_age_ms=METADATA_MILLISECONDS,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 5,
        broker_commit_interval=1.0,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
    )
    app.transport = FaithfulTransport(app.conf.broker_consumer, app)
    return app


def _topic(app: faust.App, name: str) -> TopicT:
    """Of records as they are: the house's codec reads and writes them."""
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    return app.topic(on_cluster(name), **raw)
