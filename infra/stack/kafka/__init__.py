"""A real Kafka broker (KRaft, one node) as a component of the stack and of the tests."""

from infra.stack.kafka.broker import Kafka
from infra.stack.kafka.installation import Installation, install

__all__ = ["Installation", "Kafka", "install"]
