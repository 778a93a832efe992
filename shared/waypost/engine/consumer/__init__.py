"""Consumers: from a record in Kafka to a committed effect.

One task per partition polls and takes records in, by transactions: fence, claim, parked check, order guard, letters, handlers.
A projector takes a whole batch at once, a reactor one message at a time.
"""

from waypost.engine.consumer.group import ConsumerGroup, group_name
from waypost.engine.consumer.policy import ConsumerPolicy

__all__ = ["ConsumerGroup", "ConsumerPolicy", "group_name"]
