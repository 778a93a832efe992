"""How many events a reactor handles in one transaction."""

from waypost.engine.consumer.policy import ConsumerPolicy

CLOCK_SECONDS = 1e-6
"""The shortest time that is measured."""


class ReactorBatchSize:
    """As many events as fit into `ConsumerPolicy.reactor_seconds`, judged by the last transaction.

    A transaction keeps the locks of its handlers until it ends. So slow handlers get a transaction
    per event, and fast ones share the cost of a commit.
    """

    def __init__(self, policy: ConsumerPolicy) -> None:
        self.events = 1
        self._policy = policy

    def adapt(self, events: int, seconds: float) -> None:
        """Adapts the number after so many events took so long, failed transactions included. At
        most doubles it, because the next handlers may be slower.
        """
        if events > 0:
            fitting = int(events * self._policy.reactor_seconds / max(seconds, CLOCK_SECONDS))
            self.events = max(1, min(fitting, 2 * self.events, self._policy.max_records))
