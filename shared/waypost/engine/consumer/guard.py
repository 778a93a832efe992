"""The order guard: what is to be done with each record, decided from what is known before the first
of them runs. No I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from waypost.engine.consumer.message import Message
from waypost.ports.dead_letters import Failure


class Verdict(Enum):
    HANDLE = auto()
    """Its turn: the handler runs, where its type has one; the guard advances."""
    SKIP_STALE = auto()
    """Handled long ago."""
    WAIT = auto()
    """Not its turn: an earlier version is missing or has failed. Kept behind it."""
    FAIL = auto()
    """Its turn, but its handler has failed just now. Kept, and the key is parked."""
    POISON = auto()
    """No event of ours. Kept for somebody to look at; the key, where it is known, is parked."""
    CONFLICT = auto()
    """Another event under a version that was handled: kept, parks nothing, alarms."""


class Guard:
    """Judges a batch in offset order, as if each verdict had been carried out before the next."""

    def __init__(
        self,
        *,
        versions: Mapping[UUID, int],
        parked: Iterable[bytes],
        held: Mapping[bytes, frozenset[int]],
        failures: Mapping[int, Failure],
        remembers_since: datetime,
    ) -> None:
        self._versions = dict(versions)
        self._parked = set(parked)
        self._held = {key: set(sequences) for key, sequences in held.items()}
        self._failures = failures
        self._remembers_since = remembers_since
        self.advanced: dict[UUID, int] = {}
        """Where the guard stands after the batch, for the aggregates that moved."""
        self.newly_parked: set[bytes] = set()

    def judge(self, messages: Iterable[Message]) -> Sequence[tuple[Message, Verdict]]:
        """The verdict of each message, in the given order, which is that of the offsets.

        Of an aggregate at version n only version n + 1 is handled. A version up to n is stale or a
        conflict. A later one waits, and so does every version that a dead letter of its key holds.
        Whatever waits, fails or is poison parks its key, and the messages behind it in the same
        batch are judged accordingly. Afterwards `advanced` and `newly_parked` hold what has to be
        written.
        """
        return [(message, self._judge(message)) for message in messages]

    def _judge(self, message: Message) -> Verdict:
        if message.attributes is None:
            return Verdict.POISON
        if message.sequence is None:
            return self._wait(message) if message.key in self._parked else self._run(message)
        reached = self._versions.get(message.aggregate_id, 0)
        if message.sequence <= reached:
            # Within the inbox's memory the event itself would have been known: this is a second one
            # under the same version.
            return Verdict.SKIP_STALE if message.attributes.occurred_at < self._remembers_since else Verdict.CONFLICT
        if message.sequence > reached + 1 or message.sequence in self._held.get(message.key, ()):
            return self._wait(message)
        return self._run(message)

    def _run(self, message: Message) -> Verdict:
        if message.poison is not None:
            return self._set_aside(message, Verdict.POISON)
        if message.record.offset in self._failures:
            return self._set_aside(message, Verdict.FAIL)
        if message.sequence is not None:
            self._versions[message.aggregate_id] = self.advanced[message.aggregate_id] = message.sequence
        return Verdict.HANDLE

    def _wait(self, message: Message) -> Verdict:
        return self._set_aside(message, Verdict.WAIT)

    def _set_aside(self, message: Message, verdict: Verdict) -> Verdict:
        if message.key not in self._parked:
            self._parked.add(message.key)
            self.newly_parked.add(message.key)
        if message.sequence is not None:
            self._held.setdefault(message.key, set()).add(message.sequence)
        return verdict
