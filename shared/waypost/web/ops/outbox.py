"""`/ops/outbox`"""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from fastapi import APIRouter, status

from waypost.operations import outbox
from waypost.operations.outbox import OutboxStatus, outbox_status
from waypost.web.auth import OperatorCaller
from waypost.web.models import Name, ResponseModel
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest

router = APIRouter(prefix="/outbox")


class QuarantinedKeyView(ResponseModel):
    shard: int
    key: str
    """Usually the text of an aggregate id."""
    reason: str
    quarantined_at: datetime
    pending: int


class OutboxView(ResponseModel):
    service: str
    pending: int
    oldest_at: datetime | None
    oldest_seconds: float | None
    quarantined_keys: Sequence[QuarantinedKeyView]

    @classmethod
    def of(cls, status: OutboxStatus) -> Self:
        return cls(
            service=status.service,
            pending=status.backlog.pending,
            oldest_at=status.backlog.oldest_at,
            oldest_seconds=status.age and round(status.age.total_seconds(), 3),
            quarantined_keys=[
                QuarantinedKeyView(
                    shard=quarantined.shard,
                    key=quarantined.key.decode(errors="backslashreplace"),
                    reason=quarantined.reason,
                    quarantined_at=quarantined.quarantined_at,
                    pending=quarantined.pending,
                )
                for quarantined in status.quarantined_keys
            ],
        )


class KeyRedrive(ReasonedRequest):
    key: Name


@router.get("")
async def show_outbox(admin_service: CurrentAdminService) -> OutboxView:
    """Shows how many events wait to be published, for how long, and the quarantined keys."""
    return OutboxView.of(await outbox_status(admin_service))


@router.post("/redrive", status_code=status.HTTP_204_NO_CONTENT)
async def redrive_key(order: KeyRedrive, operator: OperatorCaller, admin_service: CurrentAdminService) -> None:
    """Releases a key from quarantine, so that the relay publishes its rows again, in order."""
    await outbox.redrive(admin_service, order.key.encode(), order.audited_by(operator))
