"""The state machine of a notification."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.notifications import EVENTS, NotificationSent
from services.notifications.domain import (
    AlreadySettled,
    Notification,
    NotificationKind,
    NotificationStatus,
    Suppression,
    notification_id,
)
from services.notifications.projections import PROJECTIONS
from waypost.kernel.ids import EventId, TenantId, new_id

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

SETTLE: list[tuple[Callable[[Notification], None], NotificationStatus]] = [
    (lambda email: email.send(NOW), NotificationStatus.SENT),
    (lambda email: email.fail("mailbox_unknown", 1, NOW), NotificationStatus.FAILED),
    (lambda email: email.suppress(Suppression.EXPIRED, NOW), NotificationStatus.SUPPRESSED),
]


@pytest.fixture
def queued() -> Notification:
    user_id = uuid4()
    return Notification.queue(
        uuid4(),
        TenantId(uuid4()),
        recipient_id=user_id,
        kind=NotificationKind.WELCOME,
        subject_type="user",
        subject_id=user_id,
        at=NOW,
    )


def test_an_event_has_one_notification_id_per_kind() -> None:
    event_id = EventId(new_id())
    ids = {notification_id(event_id, kind) for kind in NotificationKind}
    assert len(ids) == len(NotificationKind)
    assert ids == {notification_id(event_id, kind) for kind in NotificationKind}


@pytest.mark.parametrize(("settle", "status"), SETTLE)
def test_a_notification_is_settled_once(
    queued: Notification, settle: Callable[[Notification], None], status: NotificationStatus
) -> None:
    settle(queued)
    again = Notification.fold(queued.id, queued.tenant_id, queued.recorded)
    assert (again.status, again.kind, again.recipient_id) == (status, NotificationKind.WELCOME, queued.recipient_id)
    for settle, _ in SETTLE:
        with pytest.raises(AlreadySettled):
            settle(again)
    assert again.version == 2


def test_the_message_id_belongs_to_the_notification(queued: Notification) -> None:
    before = queued.message_id
    queued.send(NOW)
    sent = queued.recorded[-1]
    assert isinstance(sent, NotificationSent)
    assert sent.message_id == before == f"<{queued.id}@waypost>"


def test_each_event_of_a_notification_is_projected() -> None:
    assert set(PROJECTIONS[0].handlers) == set(EVENTS)
