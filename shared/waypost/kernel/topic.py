"""The declaration of a Kafka topic."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A declared topic."""

    name: str
    purpose: str
    partitions: int
    replication: int
    configuration: Mapping[str, str]
