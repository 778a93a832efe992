"""The order guard: decides the outcome of each record of a batch before the first handler runs. No
I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from waypost.engine.consumer.message import Message
from waypost.ports.dead_letters import Failure


class Decision(StrEnum):
    """Outcome of one record when its transaction commits; also the label value in metrics and
    logs.
    """

    HANDLED = "handled"
    """The record is the next version: its handler runs, if the type has one, and the guard
    advances.
    """
    STALE = "stale"
    """The version was handled before the inbox's memory begins. Skipped."""
    WAITING = "waiting"
    """An earlier version is missing or has failed. Stored as a dead letter behind it."""
    FAILED = "failed"
    """The record is the next version, but its handler has just failed. Stored as a dead letter;
    parks the key.
    """
    POISON = "poison"
    """Not a valid event. Stored as a dead letter for an operator; parks the key if the record has
    one.
    """
    CONFLICT = "conflict"
    """Another event under a version that is handled. Stored as a dead letter, parks nothing,
    alarms.
    """


class Guard:
    """Decides what happens to each message: in offset order, as if each decision were carried out
    before the next.
    """

    def __init__(
        self,
        *,
        versions: Mapping[UUID, int],
        parked: Iterable[bytes],
        waiting_versions: Mapping[bytes, frozenset[int]],
        failures: Mapping[int, Failure],
        inbox_kept_since: datetime,
    ) -> None:
        self._versions = dict(versions)
        self._parked = set(parked)
        self._waiting = {key: set(sequences) for key, sequences in waiting_versions.items()}
        self._failures = failures
        self._inbox_kept_since = inbox_kept_since
        self.advanced: dict[UUID, int] = {}
        """New versions after the batch, for the aggregates that advanced."""
        self.newly_parked: set[bytes] = set()
        self.to_schedule: set[bytes] = set()
        """Parked keys whose first dead letter was attempted, or waits for no missing version any
        more.
        """

    def decide(self, messages: Iterable[Message]) -> Sequence[tuple[Message, Decision]]:
        """The decision for each message, in the given order, which is the order of offsets.

        For an aggregate at version n, only version n + 1 is handled. A version up to n is stale or
        a conflict. A later version is waiting, and so is every version that an open dead letter of
        its key holds. A waiting, failed or poison message parks its key, and later messages of the
        batch are decided accordingly. Afterwards `advanced`, `newly_parked` and `to_schedule` hold
        the changes to store.
        """
        return [(message, self._decide(message)) for message in messages]

    def _decide(self, message: Message) -> Decision:
        attributes = message.attributes
        if attributes is None:
            return Decision.POISON
        sequence, aggregate_id = attributes.sequence, attributes.aggregate_id
        if sequence is None:
            if message.key in self._parked:
                return self._park(message, Decision.WAITING)
            return self._handle(message)
        reached = self._versions.get(aggregate_id, 0)
        if sequence <= reached:
            # Within the inbox's memory the claim would have recognized the same event: this is
            # another one under the same version.
            return Decision.STALE if attributes.occurred_at < self._inbox_kept_since else Decision.CONFLICT
        if sequence > reached + 1 or (self._waiting and sequence in self._waiting.get(message.key, ())):
            return self._park(message, Decision.WAITING)
        decision = self._handle(message)
        if decision is Decision.HANDLED:
            self._versions[aggregate_id] = self.advanced[aggregate_id] = sequence
            if self._waiting and sequence + 1 in self._waiting.get(message.key, ()):
                self.to_schedule.add(message.key)
        return decision

    def _handle(self, message: Message) -> Decision:
        if message.poison is not None:
            self.to_schedule.add(message.key)
            return self._park(message, Decision.POISON)
        if self._failures and message.record.offset in self._failures:
            self.to_schedule.add(message.key)
            return self._park(message, Decision.FAILED)
        return Decision.HANDLED

    def _park(self, message: Message, decision: Decision) -> Decision:
        if message.key not in self._parked:
            self._parked.add(message.key)
            self.newly_parked.add(message.key)
        if message.sequence is not None:
            self._waiting.setdefault(message.key, set()).add(message.sequence)
        return decision
