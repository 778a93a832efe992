"""Each event type has a mail, or a reason why not."""

from schemas.catalogue import EVENTS
from services.notifications.domain import NotificationKind
from services.notifications.handlers.events_without_mail import EVENTS_WITHOUT_MAIL
from services.notifications.handlers.notices import NOTICES

ENDS_MAILS = {"user.erased", "invitation.accepted", "invitation.withdrawn"}
"""Handled by the notices, which delete what was queued."""
OF_NO_EVENT = {NotificationKind.DIGEST, NotificationKind.WEBHOOK_DISABLED}


def test_each_event_of_another_service_is_mailed_or_has_a_reason() -> None:
    """Decide for a new event type: add a handler to NOTICES, or a reason."""
    of_others = {name for name, kind in EVENTS.items() if not kind.topic.startswith("notifications.")}
    mailed = {kind.type for kind in NOTICES.handlers} - ENDS_MAILS
    assert of_others - mailed == set(EVENTS_WITHOUT_MAIL)
    assert all(reason.strip() for reason in EVENTS_WITHOUT_MAIL.values())


def test_every_other_kind_of_mail_belongs_to_an_event() -> None:
    """A new kind without an event fails here: user.email_change_requested has two mails."""
    mailed = {kind.type for kind in NOTICES.handlers} - ENDS_MAILS
    assert len(mailed) + 1 == len(set(NotificationKind) - OF_NO_EVENT)
