"""The outcome of an attempt at a dead letter."""

from dataclasses import dataclass

from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.kernel.errors import WaypostError
from waypost.ports.dead_letters import DeadLetter, Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """The outcome of one attempt at a dead letter. Without a dead letter, `outcome` is the reason
    why processing of the key ended.
    """

    outcome: ParkedKeyOutcome
    dead_letter: DeadLetter | None = None
    failure: Failure | None = None
    """The handler's error, if the attempt failed."""
    prevented: WaypostError | None = None
    """The transient error that prevented a redrive; the attempt is not counted."""
