"""What may happen to a letter."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.notifications import EVENTS, NotificationSent
from services.notifications.domain import AlreadySettled, Kind, Notification, Status, Suppression, notification_id
from services.notifications.projections import PROJECTIONS
from waypost.kernel.ids import EventId, TenantId, new_id

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

SETTLE: list[tuple[Callable[[Notification], None], Status]] = [
    (lambda email: email.send(NOW), Status.SENT),
    (lambda email: email.fail("mailbox_unknown", 1, NOW), Status.FAILED),
    (lambda email: email.suppress(Suppression.EXPIRED, NOW), Status.SUPPRESSED),
]


@pytest.fixture
def queued() -> Notification:
    user_id = uuid4()
    return Notification.queue(
        uuid4(),
        TenantId(uuid4()),
        recipient_id=user_id,
        kind=Kind.WELCOME,
        subject_type="user",
        subject_id=user_id,
        at=NOW,
    )


def test_one_event_is_one_letter_of_each_kind() -> None:
    event_id = EventId(new_id())
    ids = {notification_id(event_id, kind) for kind in Kind}
    assert len(ids) == len(Kind)
    assert ids == {notification_id(event_id, kind) for kind in Kind}


@pytest.mark.parametrize(("settle", "status"), SETTLE)
def test_a_letter_is_settled_once(queued: Notification, settle: Callable[[Notification], None], status: Status) -> None:
    settle(queued)
    again = Notification.fold(queued.id, queued.tenant_id, queued.recorded)
    assert (again.status, again.kind, again.recipient_id) == (status, Kind.WELCOME, queued.recipient_id)
    for each, _ in SETTLE:
        with pytest.raises(AlreadySettled):
            each(again)
    assert again.version == 2


def test_the_message_id_is_the_letters_own(queued: Notification) -> None:
    before = queued.message_id
    queued.send(NOW)
    sent = queued.recorded[-1]
    assert isinstance(sent, NotificationSent)
    assert sent.message_id == before == f"<{queued.id}@waypost>"


def test_every_event_of_a_letter_is_projected() -> None:
    assert set(PROJECTIONS[0].handlers) == set(EVENTS)
