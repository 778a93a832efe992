"""`GET /ops/consumers`"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import PlainSerializer

from waypost.operations.consumers import consumer_lag
from waypost.ports.consumers import ConsumerKind
from waypost.ports.dead_letters import Status
from waypost.web.models import ResponseModel
from waypost.web.ops.edge import CurrentAdminService

router = APIRouter(prefix="/consumers")

Seconds = Annotated[timedelta, PlainSerializer(lambda span: round(span.total_seconds(), 3), return_type=float)]


class PartitionView(ResponseModel):
    topic: str
    partition: int
    committed: int
    end: int
    lag: int
    behind: Seconds | None
    """Age of the record that is next, in seconds; null where none waits."""


class ConsumerView(ResponseModel):
    group: str
    kind: ConsumerKind
    lag: int
    partitions: Sequence[PartitionView]
    missing_topics: Sequence[str]
    parked_keys: int
    dead_letters: Mapping[Status, int]
    """Of those that are not settled."""


class ConsumersView(ResponseModel):
    data: Sequence[ConsumerView]


@router.get("")
async def list_consumers(admin_service: CurrentAdminService) -> ConsumersView:
    """How far each consumer is behind, in records and in time, and what it has set aside."""
    return ConsumersView(data=[ConsumerView.model_validate(each) for each in await consumer_lag(admin_service)])
