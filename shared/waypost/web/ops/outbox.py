"""`/ops/outbox`"""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from fastapi import APIRouter, status

from waypost.operations import outbox
from waypost.operations.outbox import Waiting, waiting_of
from waypost.web.auth import OperatorCaller
from waypost.web.models import Name, ResponseModel
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest

router = APIRouter(prefix="/outbox")


class QuarantinedKeyView(ResponseModel):
    shard: int
    key: str
    """Nearly always the text of an id."""
    reason: str
    marked_at: datetime
    pending: int


class OutboxView(ResponseModel):
    service: str
    pending: int
    oldest_at: datetime | None
    oldest_seconds: float | None
    keys_set_aside: Sequence[QuarantinedKeyView]

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        return cls(
            service=waiting.service,
            pending=waiting.backlog.pending,
            oldest_at=waiting.backlog.oldest_at,
            oldest_seconds=waiting.age and round(waiting.age.total_seconds(), 3),
            keys_set_aside=[
                QuarantinedKeyView(
                    shard=each.shard,
                    key=each.key.decode(errors="backslashreplace"),
                    reason=each.reason,
                    marked_at=each.marked_at,
                    pending=each.pending,
                )
                for each in waiting.marked
            ],
        )


class KeyRedrive(ReasonedRequest):
    key: Name


@router.get("")
async def show_outbox(admin_service: CurrentAdminService) -> OutboxView:
    """What waits to be published, for how long, and which keys are set aside because a record of
    theirs was refused.
    """
    return OutboxView.of(await waiting_of(admin_service))


@router.post("/redrive", status_code=status.HTTP_204_NO_CONTENT)
async def redrive_key(order: KeyRedrive, operator: OperatorCaller, admin_service: CurrentAdminService) -> None:
    """Takes the key's mark away: its rows are published again, in their order."""
    await outbox.redrive(admin_service, order.key.encode(), order.audited_by(operator))
