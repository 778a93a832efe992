"""Kafka (KRaft) as local processes, for stacks and tests: one broker, or a cluster."""

from waypost.native.kafka.broker import Kafka
from waypost.native.kafka.cluster import NodePorts, cluster_brokers
from waypost.native.kafka.installer import install

__all__ = ["Kafka", "NodePorts", "cluster_brokers", "install"]
