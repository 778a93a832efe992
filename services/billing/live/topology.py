"""The Faust application: billing.invoice → repartitioned by tenant → tables → billing.revenue."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import faust
import structlog
from faust.types import StreamT, TopicT

from schemas.billing import InvoicePaid, RevenueWindowTotaled
from services.billing.live.consumer import AtLeastOnceConsumer, AtLeastOnceTransport
from services.billing.live.credentials import faust_arguments
from services.billing.live.newer_record import NewerRecord
from services.billing.live.record_reader import Handle, RecordReader
from services.billing.live.repartitioner import Repartitioner
from services.billing.live.tables import LOG_RETENTION, LiveTables
from services.billing.live.window_counter import WindowCounter
from waypost.kernel.clock import Clock
from waypost.ports.brokers import Brokers
from waypost.ports.codec import EventCodec
from waypost.project import on_cluster

log = structlog.get_logger()

NAME = "billing.live"
"""The name of the application and its consumer group, and the prefix of its topics."""
BY_TENANT_TOPIC = f"{NAME}-by-tenant"
PARTITIONS = 8
"""The same number as every topic of the project; it never changes."""
METADATA_MILLISECONDS = 10_000
STALL_CHECK_SECONDS = 1.0
SESSION_SECONDS = 6.0  # the broker's minimum; a killed process holds its partitions for this long


@dataclass(frozen=True, slots=True)
class Topology:
    app: faust.App
    tables: LiveTables
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a record could not be handled. No later record was or will be handled: the
    application must be rebuilt.
    """
    newer: list[NewerRecord] = field(default_factory=list)
    """Records of newer releases, which could not be handled."""

    @classmethod
    def build(cls, bootstrap: Brokers, directory: Path, codec: EventCodec, clock: Clock) -> "Topology":
        app = _application(bootstrap, directory)
        topology = cls(app, LiveTables(app, PARTITIONS))
        by_tenant = _topic(app, BY_TENANT_TOPIC)
        repartitioner = Repartitioner(codec, by_tenant, PARTITIONS, NAME)
        counter = WindowCounter(codec, topology.tables, _topic(app, RevenueWindowTotaled.topic), clock, NAME)
        topology._run("repartition", _topic(app, InvoicePaid.topic), repartitioner.process)
        topology._run("count", by_tenant, counter.process)
        return topology

    @property
    def own_topics(self) -> Mapping[str, Mapping[str, str]]:
        """The application's own topics with their settings."""
        return {on_cluster(BY_TENANT_TOPIC): {"cleanup.policy": "delete", **LOG_RETENTION}, **self.tables.changelogs}

    def _run(self, name: str, topic: TopicT, handle: Handle) -> None:
        reader = RecordReader(topic.get_topic_name(), handle)

        async def agent(stream: StreamT[bytes]) -> None:
            try:
                await reader.read(stream)
            except NewerRecord as newer:
                self.newer.append(newer)
                self.failed.set()
                await asyncio.Event().wait()
            except Exception:
                log.exception("live_record_failed", agent=name)
                self.failed.set()
                # Faust would restart the agent after the failed record.
                await asyncio.Event().wait()

        async def check_for_stall() -> None:
            # Not a Faust timer: the check waits behind the consumer's fetch, and a timer warns each
            # time this takes its interval.
            while not self.app.should_stop:
                await self.app.sleep(STALL_CHECK_SECONDS)
                await reader.refetch_if_stalled(cast(AtLeastOnceConsumer, self.app.consumer))

        self.app.agent(topic, name=f"{NAME}-{name}")(agent)
        self.app.task(check_for_stall)


def _application(bootstrap: Brokers, directory: Path) -> faust.App:
    app = faust.App(
        on_cluster(NAME),
        **faust_arguments(bootstrap),
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
    app.transport = AtLeastOnceTransport(app.conf.broker_consumer, app)
    return app


def _topic(app: faust.App, name: str) -> TopicT:
    """A topic of raw records: the project's codec reads and writes them."""
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    return app.topic(on_cluster(name), **raw)
