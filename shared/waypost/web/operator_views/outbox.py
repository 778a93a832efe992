"""The state of an outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from waypost.operations.outbox.status import OutboxStatus
from waypost.web.models import ResponseModel


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
