"""The mails to addresses that their recipients have not proved to read."""

from collections.abc import Mapping

from services.notifications.domain.notification import NotificationKind

_BILL = "a bill reaches a customer who never signs in; it has no text of a user (decision 0075)"
_DISPUTE = "the payment provider causes it, after a paid charge, and the answer has a deadline"

MAILED_UNVERIFIED: Mapping[NotificationKind, str] = {
    **{
        kind: "the link is the proof of the address, or ends what others began with it; users counts these mails"
        for kind in NotificationKind
        if kind.carries_token
    },
    NotificationKind.WELCOME: "one per account, within the limit of mails that the person may not have asked for",
    NotificationKind.EMAIL_VERIFIED: "is about the proof itself, and is mailed to the proved address",
    NotificationKind.INVOICE_FINALIZED: _BILL,
    NotificationKind.INVOICE_PAID: _BILL,
    NotificationKind.PAYMENT_FAILED: _BILL,
    NotificationKind.INVOICE_VOIDED: _BILL,
    NotificationKind.INVOICE_REFUNDED: _BILL,
    NotificationKind.INVOICE_UNCOLLECTIBLE: _BILL,
    NotificationKind.SUBSCRIPTION_PAST_DUE: _BILL,
    NotificationKind.REFUND_FAILED: "a paid invoice whose refund failed at the payment provider: money is owed",
    NotificationKind.INVOICE_DISPUTED: _DISPUTE,
    NotificationKind.INVOICE_DISPUTE_CLOSED: _DISPUTE,
}
"""The kinds that are mailed also to an address that is not proved, each with its reason. Every
other kind is suppressed: anyone can open a tenant with another person's address and repeat what
causes a mail.
"""
