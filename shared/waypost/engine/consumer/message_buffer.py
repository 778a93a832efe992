"""Messages without a handler wait for others, so that they share a transaction."""

import time
from collections.abc import Callable, Sequence

from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy


class MessageBuffer:
    """Polled messages of a partition, in offset order, that no transaction has processed.

    A message without a handler only advances the consumer position, which nothing waits for. A
    crash reads the buffered messages again.
    """

    def __init__(self, policy: ConsumerPolicy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._messages: list[Message] = []
        self._due_at = 0.0

    @property
    def poll_seconds(self) -> float:
        """Time limit of the next poll."""
        return max(self._due_at - self._clock(), 0.0) if self._messages else self._policy.poll_seconds

    @property
    def poll_records(self) -> int:
        """Limit of the next poll."""
        return self._policy.max_records - len(self._messages)

    def next_offset(self, position: int) -> int:
        """The offset after the last buffered message, or the consumer position."""
        return self._messages[-1].record.offset + 1 if self._messages else position

    def clear(self) -> None:
        self._messages = []

    def add(self, polled: Sequence[Message]) -> Sequence[Message]:
        """Returns all messages if they must be processed now, else none."""
        if polled and not self._messages:
            self._due_at = self._clock() + self._policy.ignored_wait_seconds
        self._messages.extend(polled)
        may_wait = self.poll_records > 0 and self._clock() < self._due_at
        if may_wait and all(map(_only_advances, polled)):
            return ()
        messages, self._messages = self._messages, []
        return messages


def _only_advances(message: Message) -> bool:
    return message.attributes is not None and message.poison is None and not message.has_handler
