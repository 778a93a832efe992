"""A Kafka broker (KRaft, one node) as a local process, for stacks and tests."""

from waypost.native.kafka.broker import Kafka
from waypost.native.kafka.installer import install

__all__ = ["Kafka", "install"]
