"""Independent observers of the running system. Each reads a component's own records; none asks the
services.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.demo.step_printer import NotObserved
from infra.stack.addresses import Addresses
from waypost.kafka.client_arguments import client_arguments
from waypost.kernel.partitioner import partition_for
from waypost.native.probes import is_url_reachable

PARTITIONS = 8
MAX_TRACES = 5_000
ALL_SERVICES = {"users", "billing", "notifications"}


@dataclass(frozen=True, slots=True)
class SeenRecord:
    topic: str
    partition: int
    offset: int
    headers: Mapping[str, str]


class Observers:
    def __init__(self, stack: Addresses, http: httpx.AsyncClient) -> None:
        self._stack = stack
        self._http = http

    async def records(self, topic: str, key: str) -> list[SeenRecord]:
        """Records on the topic for one aggregate, in offset order."""
        place = TopicPartition(topic, partition_for(key.encode(), PARTITIONS))
        consumer = AIOKafkaConsumer(**client_arguments(self._stack.brokers), enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            found: list[SeenRecord] = []
            while await consumer.position(place) < end:
                batches = await consumer.getmany(place, timeout_ms=200)
                found.extend(_seen(record) for record in batches.get(place, ()) if record.key == key.encode())
            return found
        finally:
            await consumer.stop()

    async def mails(self, to: str, subject: str) -> list[dict[str, Any]]:
        answer = await self._http.get(f"{self._stack.url('mail')}/api/messages", params={"to": to, "subject": subject})
        listed = answer.raise_for_status().json()["data"]
        return list(await asyncio.gather(*(self._mail(item["id"]) for item in listed)))

    async def charges(self, idempotency_key: str) -> list[dict[str, Any]]:
        """The provider's charges with the given idempotency key."""
        answer = await self._http.get(
            f"{self._stack.url('payments')}/v1/charges", params={"idempotency_key": idempotency_key}
        )
        return list(answer.raise_for_status().json()["data"])

    async def trace_viewer_is_reachable(self) -> bool:
        return await is_url_reachable(f"{self._stack.url('zipkin')}/health")

    async def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """Spans of one trace from the trace viewer; empty if it does not have the trace."""
        answer = await self._http.get(f"{self._stack.url('zipkin')}/api/v2/trace/{trace_id}")
        return [] if answer.status_code == httpx.codes.NOT_FOUND else list(answer.raise_for_status().json())

    async def whole_trace(self, trace_id: str) -> Sequence[dict[str, Any]] | None:
        """The spans, once there are some of all three services."""
        spans = await self.trace(trace_id)
        return spans if {span["localEndpoint"]["serviceName"] for span in spans} >= ALL_SERVICES else None

    async def traces(self, since: datetime) -> Sequence[Sequence[dict[str, Any]]]:
        """The viewer's traces since the time. Raises NotObserved if it has more than one answer
        holds.
        """
        milliseconds = int((datetime.now(UTC) - since).total_seconds() * 1000) + 1000
        answer = await self._http.get(
            f"{self._stack.url('zipkin')}/api/v2/traces", params={"lookback": milliseconds, "limit": MAX_TRACES}
        )
        traces: Sequence[Sequence[dict[str, Any]]] = answer.raise_for_status().json()
        if len(traces) >= MAX_TRACES:
            raise NotObserved(f"all traces since {since:%H:%M:%S}: the viewer shows the newest {MAX_TRACES} only")
        return traces

    async def _mail(self, mail_id: int) -> dict[str, Any]:
        answer = await self._http.get(f"{self._stack.url('mail')}/api/messages/{mail_id}")
        mail: dict[str, Any] = answer.raise_for_status().json()
        return mail


def _seen(record: Any) -> SeenRecord:
    headers = {name: value.decode() for name, value in record.headers}
    return SeenRecord(record.topic, record.partition, record.offset, headers)
