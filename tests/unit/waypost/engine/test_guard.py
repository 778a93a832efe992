"""The order rules of a consumer as a table: each row has the stored state, the records of a batch,
and the expected decisions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from waypost.engine.consumer.guard import Decision, Guard
from waypost.engine.consumer.message import Message
from waypost.engine.retry import failure_of
from waypost.kernel.cause import Cause
from waypost.kernel.cloudevents import Attributes
from waypost.kernel.envelope import Record
from waypost.kernel.errors import MalformedHeaders, UndecodableRecord
from waypost.kernel.ids import EventId, TenantId, new_id

NOW = datetime.now(UTC)
ANN = new_id()
KEY = str(ANN).encode()
HANDLE, WAIT, FAIL = Decision.HANDLED, Decision.WAITING, Decision.FAILED
BOOM = failure_of(RuntimeError("boom"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One rule. Records are versions of Ann; None is a record without valid headers."""

    rule: str
    reached: int = 0
    waiting: frozenset[int] = frozenset()
    """Versions that dead letters of the parked key hold."""
    incoming: Sequence[int | None]
    failed: frozenset[int] = frozenset()
    """Indexes in `incoming` whose handler raised in the transaction before."""
    poison: frozenset[int] = frozenset()
    """Indexes in `incoming` whose body cannot be decoded."""
    age: timedelta = field(default=timedelta())
    decisions: Sequence[Decision]
    advanced: int | None = None
    parks: bool = False


ROWS = [
    Row(rule="versions in order are handled", incoming=[1, 2], decisions=[HANDLE, HANDLE], advanced=2),
    Row(rule="a version that is missing is waited for", reached=1, incoming=[3], decisions=[WAIT], parks=True),
    Row(
        rule="the missing version is handled, those behind it stay in line",
        reached=1,
        waiting=frozenset({3}),
        incoming=[2, 3, 4],
        decisions=[HANDLE, WAIT, WAIT],
        advanced=2,
    ),
    Row(
        rule="later versions wait behind a failed one",
        incoming=[1, 2, 3],
        failed=frozenset({1}),
        decisions=[HANDLE, FAIL, WAIT],
        advanced=1,
        parks=True,
    ),
    Row(
        rule="a failed version that was overtaken by a gap only waits",
        incoming=[2],
        failed=frozenset({0}),
        decisions=[WAIT],
        parks=True,
    ),
    Row(
        rule="poison parks its key like a failure",
        incoming=[1, 2],
        poison=frozenset({0}),
        decisions=[Decision.POISON, WAIT],
        parks=True,
    ),
    Row(rule="unreadable headers park nothing", incoming=[None, 1], decisions=[Decision.POISON, HANDLE], advanced=1),
    Row(
        rule="another event under a handled version is a conflict",
        reached=2,
        incoming=[2, 3],
        decisions=[Decision.CONFLICT, HANDLE],
        advanced=3,
    ),
    Row(
        rule="an event older than the inbox remembers is stale",
        reached=2,
        incoming=[1],
        age=timedelta(days=8),
        decisions=[Decision.STALE],
    ),
    Row(
        rule="a version that a dead letter holds is not handled past it",
        waiting=frozenset({1}),
        incoming=[1, 2],
        decisions=[WAIT, WAIT],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_guard_decides_by_version_parked_key_and_failure(row: Row) -> None:
    guard = Guard(
        versions={ANN: row.reached} if row.reached else {},
        parked=[KEY] if row.waiting else [],
        waiting_versions={KEY: row.waiting} if row.waiting else {},
        failures=dict.fromkeys(row.failed, BOOM),
        inbox_kept_since=NOW - timedelta(days=7),
    )
    messages = [message(row, offset, version) for offset, version in enumerate(row.incoming)]

    assert [decision for _, decision in guard.decide(messages)] == row.decisions
    assert guard.advanced == ({} if row.advanced is None else {ANN: row.advanced})
    assert guard.newly_parked == ({KEY} if row.parks else set())


def test_events_without_a_sequence_wait_only_behind_their_parked_key() -> None:
    free, parked = unsequenced(0, b"free"), unsequenced(1, b"parked")
    guard = Guard(versions={}, parked=[b"parked"], waiting_versions={}, failures={}, inbox_kept_since=NOW)
    assert [decision for _, decision in guard.decide([free, parked])] == [HANDLE, WAIT]


@pytest.mark.parametrize(
    ("waiting", "incoming", "failed", "scheduled"),
    [
        ({2}, 1, False, True),  # the missing version
        ({3}, 1, False, False),  # another one is missing
        ({2}, 1, True, True),  # the failed version is first now
        ({1}, 2, False, False),  # behind the first
        (set(), 1, False, False),
    ],
)
def test_keys_whose_first_dead_letter_changes_are_scheduled(
    waiting: set[int], incoming: int, failed: bool, scheduled: bool
) -> None:
    guard = Guard(
        versions={},
        parked=[KEY] if waiting else [],
        waiting_versions={KEY: frozenset(waiting)},
        failures={0: BOOM} if failed else {},
        inbox_kept_since=NOW - timedelta(days=7),
    )
    guard.decide([message(Row(rule="", incoming=[incoming], decisions=[]), 0, incoming)])
    assert guard.to_schedule == ({KEY} if scheduled else set())


def message(row: Row, offset: int, version: int | None) -> Message:
    if version is None:
        return Message(record=record(offset, KEY), poison=MalformedHeaders())
    poison = UndecodableRecord() if offset in row.poison else None
    return Message(record=record(offset, KEY), attributes=attributes(version, NOW - row.age), poison=poison)


def unsequenced(offset: int, key: bytes) -> Message:
    return Message(record=record(offset, key), attributes=attributes(None, NOW))


def record(offset: int, key: bytes) -> Record:
    return Record(topic="users.user", partition=0, offset=offset, timestamp_ms=7, key=key, value=b"", headers=[])


def attributes(version: int | None, occurred_at: datetime) -> Attributes:
    return Attributes(
        event_id=EventId(new_id()),
        event_type="user.created",
        source="/services/users",
        tenant_id=TenantId(new_id()),
        aggregate_id=ANN,
        sequence=version,
        occurred_at=occurred_at,
        cause=Cause(correlation_id=new_id(), causation_id=new_id()),
    )
