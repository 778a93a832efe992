"""The lag of consumers."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import PlainSerializer

from waypost.ports.dead_letters import DeadLetterStatus
from waypost.ports.declared_consumer import ConsumerKind
from waypost.web.models import ResponseModel

Seconds = Annotated[timedelta, PlainSerializer(lambda span: round(span.total_seconds(), 3), return_type=float)]


class PartitionView(ResponseModel):
    topic: str
    partition: int
    committed: int
    end: int
    lag: int
    behind: Seconds | None
    """Age of the next record, in seconds. Null if no record waits."""


class ConsumerView(ResponseModel):
    group: str
    kind: ConsumerKind
    lag: int
    partitions: Sequence[PartitionView]
    missing_topics: Sequence[str]
    parked_keys: int
    dead_letters: Mapping[DeadLetterStatus, int]
    """Number of unsettled dead letters by status."""


class ConsumersView(ResponseModel):
    data: Sequence[ConsumerView]
