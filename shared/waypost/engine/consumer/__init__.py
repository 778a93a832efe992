"""Consumers: from a Kafka record to a committed effect.

The central idea: one transaction processes a whole batch, all of it or nothing. When a handler
raises, the transaction is rolled back, and the same records are processed again in a new
transaction that knows which offset failed. In this second transaction the order guard does not run
the failed handler. It parks the key of the failed event and stores the event, and every later event
of the key, as a dead letter. Position, inbox, parked key, dead letters and the effects of all other
events are committed together, so that a crash at any moment causes neither a gap nor a duplicate.

One task per partition polls and processes records; `pipeline` lists the steps of a transaction. An
async projection processes a whole poll per transaction, a reactor the events that fit into a
moment (`reactor_batch_size`). `dead_letters` retries parked keys.
"""

from waypost.engine.consumer.group import ConsumerGroup
from waypost.engine.consumer.policy import ConsumerPolicy

__all__ = ["ConsumerGroup", "ConsumerPolicy"]
