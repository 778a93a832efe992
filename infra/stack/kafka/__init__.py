"""A real Kafka broker (KRaft, one node) as a component of the stack and of the tests."""

from infra.stack.kafka.broker import Kafka
from infra.stack.kafka.installing import install

__all__ = ["Kafka", "install"]
