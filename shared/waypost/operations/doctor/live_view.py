"""Check of a service's live view, whose positions are in Kafka: it has no database."""

import struct
import time
from collections.abc import Mapping

from waypost.kafka.groups import group_state
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.envelope import Record
from waypost.operations.consumers import FIRST_RECORD_SECONDS, end_offsets
from waypost.operations.doctor.consumers import BEHIND
from waypost.operations.doctor.finding import ExaminedService, Finding, Findings
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition
from waypost.project import on_cluster, project
from waypost.schemas.lock import read_lock

_FRAME = struct.Struct(">BI")
"""Confluent's wire format: magic byte 0, then the schema id."""


async def live_view(examined: ExaminedService) -> Findings:
    """A live view whose next record has waited for more than a minute: no process is in its group,
    or all have left it at a record of a newer release.
    """
    if examined.bootstrap is None:
        return []
    group = f"{examined.name}.live"
    state = await group_state(examined.bootstrap, group)
    ends = await end_offsets(examined.bootstrap, state.committed)
    behind = {place: offset for place, offset in state.committed.items() if offset < ends[place]}
    waiting = {place: record for place, record in (await _next(examined.bootstrap, behind)).items() if _waits(record)}
    if not waiting:
        return []
    highest = max((entry.id for entry in read_lock(project().schemas_folder)), default=0)
    newer = {place: record for place, record in waiting.items() if _schema_id(record) > highest}
    if newer:
        return [_newer(examined, group, place, record) for place, record in newer.items()]
    problem = f"{group} has not read {len(waiting)} partitions for more than a minute"
    if state.members:
        problem += f", although {state.members} processes are in its group"
        remedy = f"its log event live_record_failed names the error; or start another process: {examined.start} live"
    else:
        problem += ": no process is in its group"
        remedy = (
            f"start it: {examined.start} live; if one runs, it has met a record of a newer release, which its"
            " /readyz?verbose names: replace it by this release"
        )
    return [Finding(problem=problem, remedy=remedy)]


async def _next(bootstrap: Brokers, offsets: Mapping[Partition, int]) -> Mapping[Partition, Record]:
    """The record at each offset, if it can be read in time."""
    records: dict[Partition, Record] = {}
    if not offsets:
        return records
    async with KafkaTopicLogs(bootstrap).opened(offsets) as log:
        log.seek(offsets)
        for place in offsets:
            for record in await log.read(place, max_records=1, timeout_seconds=FIRST_RECORD_SECONDS):
                records[place] = record
    return records


def _waits(record: Record) -> bool:
    return time.time() - record.timestamp_ms / 1000 > BEHIND.total_seconds()


def _schema_id(record: Record) -> int:
    """0 for a value without a frame."""
    value = record.value or b""
    if len(value) < _FRAME.size:
        return 0
    magic, schema_id = _FRAME.unpack_from(value)
    return int(schema_id) if magic == 0 else 0


def _newer(examined: ExaminedService, group: str, place: Partition, record: Record) -> Finding:
    problem = (
        f"{group} waits at {place.topic}/{place.number}, offset {record.offset}, for the release that has the schema id"
        f" {_schema_id(record)}"
    )
    skip = (
        f"kafka-consumer-groups --bootstrap-server BROKERS --group {on_cluster(group)}"
        f" --topic {on_cluster(place.topic)}:{place.number} --reset-offsets --to-offset {record.offset + 1} --execute"
    )
    remedy = (
        f"replace {examined.start} live by that release, which then handles the record. Only if no release will have the"
        f" schema, skip the record, which its totals then lack permanently: {skip}"
    )
    return Finding(problem=problem, remedy=remedy)
