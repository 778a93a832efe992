"""The public catalogue of webhook events. Names and payloads are a promise to receivers: a type is
never renamed, and its payload only gains fields.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class WebhookEventType(StrEnum):
    """The types to which an endpoint can subscribe; they have the names of the events behind
    them.
    """

    USER_CREATED = "user.created"
    USER_EMAIL_VERIFIED = "user.email_verified"
    USER_ROLE_CHANGED = "user.role_changed"
    USER_SUSPENDED = "user.suspended"
    USER_REACTIVATED = "user.reactivated"
    USER_ERASED = "user.erased"
    INVOICE_FINALIZED = "invoice.finalized"
    INVOICE_PAID = "invoice.paid"
    INVOICE_PAYMENT_FAILED = "invoice.payment_failed"
    INVOICE_MARKED_UNCOLLECTIBLE = "invoice.marked_uncollectible"
    INVOICE_VOIDED = "invoice.voided"
    INVOICE_REFUNDED = "invoice.refunded"
    INVOICE_REFUND_FAILED = "invoice.refund_failed"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_RENEWED = "subscription.renewed"
    SUBSCRIPTION_PLAN_CHANGED = "subscription.plan_changed"
    SUBSCRIPTION_PAST_DUE = "subscription.past_due"
    SUBSCRIPTION_CAUGHT_UP = "subscription.caught_up"
    SUBSCRIPTION_CANCELLATION_SCHEDULED = "subscription.cancellation_scheduled"
    SUBSCRIPTION_CANCELLATION_REVOKED = "subscription.cancellation_revoked"
    SUBSCRIPTION_CANCELED = "subscription.canceled"


TEST_EVENT = "webhook.test"
"""The type of test events. Every endpoint gets its own, subscribed or not."""

DESCRIPTIONS: Mapping[WebhookEventType, str] = MappingProxyType(
    {
        WebhookEventType.USER_CREATED: "A user was created.",
        WebhookEventType.USER_EMAIL_VERIFIED: "A user proved their address.",
        WebhookEventType.USER_ROLE_CHANGED: "The role of a user changed.",
        WebhookEventType.USER_SUSPENDED: "A user was suspended.",
        WebhookEventType.USER_REACTIVATED: "A suspended user may act again.",
        WebhookEventType.USER_ERASED: "A user was erased: erase their data too.",
        WebhookEventType.INVOICE_FINALIZED: "An invoice got its number and is open.",
        WebhookEventType.INVOICE_PAID: "An invoice was paid.",
        WebhookEventType.INVOICE_PAYMENT_FAILED: "A charge of an invoice was declined.",
        WebhookEventType.INVOICE_MARKED_UNCOLLECTIBLE: "An invoice was written off.",
        WebhookEventType.INVOICE_VOIDED: "An invoice was voided.",
        WebhookEventType.INVOICE_REFUNDED: "A payment, or a part of it, was refunded.",
        WebhookEventType.INVOICE_REFUND_FAILED: "A refund failed.",
        WebhookEventType.SUBSCRIPTION_CREATED: "A subscription began.",
        WebhookEventType.SUBSCRIPTION_RENEWED: "A period of a subscription began.",
        WebhookEventType.SUBSCRIPTION_PLAN_CHANGED: "The plan of a subscription changes at its next period.",
        WebhookEventType.SUBSCRIPTION_PAST_DUE: "An invoice of a subscription is overdue.",
        WebhookEventType.SUBSCRIPTION_CAUGHT_UP: "The overdue invoice of a subscription was settled.",
        WebhookEventType.SUBSCRIPTION_CANCELLATION_SCHEDULED: "A subscription ends with its period.",
        WebhookEventType.SUBSCRIPTION_CANCELLATION_REVOKED: "A scheduled cancellation was taken back.",
        WebhookEventType.SUBSCRIPTION_CANCELED: "A subscription ended.",
    }
)
