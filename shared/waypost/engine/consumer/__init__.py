"""Consumers: from a record in Kafka to a committed effect.

The central idea: a batch is processed in one transaction, all of it or nothing. When a handler
raises, the transaction is rolled back, and the same records are processed once more in a new
transaction that knows which offset failed. In this one the order guard does not run the failed
handler: it parks the key of the failed event and stores the event, and every later event of the
key, as a dead letter. Position, inbox, parked key, dead letters and the effects of all other events
are committed together, so that a crash at any moment leaves no gap and no double.

One task per partition polls and takes records in, by transactions: fence, claim, parked check,
order guard, letters, handlers. A projector takes a whole batch at once, a reactor one message at a
time.
"""

from waypost.engine.consumer.group import ConsumerGroup, group_name
from waypost.engine.consumer.policy import ConsumerPolicy

__all__ = ["ConsumerGroup", "ConsumerPolicy", "group_name"]
