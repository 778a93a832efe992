"""Parts that all partitions of a consumer share."""

from collections.abc import Callable
from dataclasses import dataclass

from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.pipeline import Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.subscription import Partition, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerParts:
    """Parts that all partitions of a consumer share."""

    name: str
    subscription: Subscription
    transactions: ConsumerTransactions
    pipeline: Pipeline
    parser: MessageParser
    by_batch: bool
    policy: ConsumerPolicy
    on_advance: Callable[[Partition, int], None]
    """Called with the next offset after each transaction."""
