"""Which mails reach an address that is not proved."""

from services.notifications.domain import MAILED_UNVERIFIED, NotificationKind

NEEDS_A_PROOF = {
    "join_request",
    "digest",
    "password_changed",
    "role_changed",
    "account_suspended",
    "account_reactivated",
    "subscription_started",
    "subscription_canceled",
    "subscription_plan_changed",
    "subscription_cancellation_scheduled",
    "subscription_cancellation_revoked",
    "payment_method_attached",
    "payment_method_detached",
    "tenant_closed",
    "webhook_disabled",
}


def test_each_kind_needs_a_proved_address_or_has_a_reason() -> None:
    """Decide for a new kind: a person who opens a tenant with another person's address may repeat
    what causes its mail.
    """
    assert set(NotificationKind) - set(MAILED_UNVERIFIED) == NEEDS_A_PROOF
    assert all(reason.strip() for reason in MAILED_UNVERIFIED.values())


def test_each_mail_with_a_link_is_sent() -> None:
    assert {kind for kind in NotificationKind if kind.carries_token} < set(MAILED_UNVERIFIED)
