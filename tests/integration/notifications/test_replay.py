"""A replay mails nothing twice, and restores nothing of an erased recipient."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from schemas.billing import (
    InvoiceRefundFailed,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCaughtUp,
    SubscriptionRenewed,
)
from schemas.users import (
    InvitationAccepted,
    InvitationRequested,
    InvitationSent,
    InvitationWithdrawn,
    TenantClosed,
    UserEmailChangeRequested,
    UserEmailVerified,
    UserErased,
    UserPasswordResetRequested,
)
from services.notifications.app import SERVICE
from services.notifications.domain.webhook_catalogue import WebhookEventType
from tests.fixtures.replay_check import ReplayCheck
from tests.integration.notifications.billing_events import (
    finalized,
    of_a_card,
    of_a_dispute,
    of_a_subscription,
    of_an_invoice,
)
from tests.integration.notifications.service import NotificationsService, Person
from tests.integration.notifications.test_mails_of_events import make_owner, of_an_account
from tests.integration.notifications.webhooks import Receiver, Tenant
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import new_id
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually
from waypost.testing.hosted import hosted
from waypost.testing.http import serving
from waypost.testing.kafka import Broker

DAY = timedelta(days=1)


async def test_a_full_replay_changes_and_mails_nothing(notifications: NotificationsService, own_kafka: Broker) -> None:
    ada = Person()
    leaver = Person(tenant_id=ada.tenant_id)
    begins = [await notifications.know(ada), leaver.created(notifications.clock.now())]
    asked = [notifications.verification(ada, token, DAY, version) for token, version in (("first", 2), ("second", 3))]
    gone = leaver.envelope(
        UserErased(tenant_id=ada.tenant_id, user_id=leaver.user_id, erased_at=begins[1].occurred_at), 2
    )
    history = [
        *begins,
        *asked,
        *answers_of(ada, asked[1]),
        *account_of(ada, notifications),
        *bills_of(ada, notifications),
        gone,
    ]
    history += invitations_of(ada, asked[1])
    await make_owner(ada, notifications)
    boss = Person()  # of a tenant that closes; ada's would lose its webhooks
    await notifications.know(boss)
    await make_owner(boss, notifications)
    closed = TenantClosed(tenant_id=boss.tenant_id, reason="requested", closed_at=notifications.clock.now())
    history.append(envelope_of(closed, boss.tenant_id))
    history += webhook_events_of(ada, notifications)
    receiver = Receiver()
    await notifications.project(begins[1], gone)
    await notifications.project(*(each for each in history if each.event.topic == "billing.invoice"))
    async with (
        hosted(SERVICE, notifications.where, bootstrap=own_kafka.bootstrap) as service,
        serving(receiver.app()) as receiver.url,
    ):
        tenant = Tenant(notifications, notifications.http, receiver, ada)
        await tenant.endpoint(*WebhookEventType)
        await service.publish(*history)
        check = ReplayCheck(SERVICE, notifications.where, own_kafka.bootstrap)
        async with service.consuming("notices"), service.consuming("webhooks"):
            await eventually(lambda: check.has_processed_all(history), deadline_seconds=40)
        await tenant.run_due_jobs()
        await tenant.after(seconds=130)  # a webhook's job that found another one running looks again
        await notifications.run_jobs(ada.tenant_id)
    mails = await notifications.mails(ada)
    assert len(mails) == 28, "of two links only the newer one"

    await check.changes_nothing(ada.tenant_id, history)
    await notifications.run_jobs(ada.tenant_id)
    assert await notifications.mails(ada) == mails
    assert await notifications.mails(leaver) == []
    # The users' events are dated before the endpoint's creation.
    types = [json.loads(body)["type"] for _, body in receiver.received]
    assert set(types) == {each for each in WebhookEventType if not each.startswith("user.")}


def answers_of(ada: Person, asked: Envelope[Any]) -> Sequence[Envelope[Any]]:
    who: dict[str, Any] = {"tenant_id": ada.tenant_id, "user_id": ada.user_id}
    return [
        ada.envelope(UserPasswordResetRequested(**asdict(asked.event)), 4),
        ada.envelope(UserEmailVerified(**who, email=ada.email, verified_at=asked.event.requested_at), 5),
    ]


def account_of(ada: Person, notifications: NotificationsService) -> Sequence[Envelope[Any]]:
    now = notifications.clock.now()
    events = [*of_an_account(ada, now).values(), late_change_of(ada, now)]
    return [ada.envelope(event, version) for version, event in enumerate(events, start=6)]


def late_change_of(ada: Person, at: datetime) -> UserEmailChangeRequested:
    """A change of address whose links have expired."""
    return UserEmailChangeRequested(
        tenant_id=ada.tenant_id,
        user_id=ada.user_id,
        email=ada.email,
        new_email="new@example.com",
        locale="en",
        sealing_key_id="key",
        sealed_token=b"",
        sealed_cancel_token=b"",
        expires_at=at - DAY,
        cancel_expires_at=at - DAY,
        requested_at=at,
    )


def invitations_of(ada: Person, asked: Envelope[Any]) -> Sequence[Envelope[Any]]:
    """A request that an admin approved and that was accepted, and one that was refused."""
    at = asked.event.requested_at
    sealed: dict[str, Any] = {"sealing_key_id": "key", "sealed_token": b"", "expires_at": at + DAY}
    history: list[Envelope[Any]] = []
    for accepted in (True, False):
        invitation_id = new_id()
        what: dict[str, Any] = {"tenant_id": ada.tenant_id, "invitation_id": invitation_id}
        who: dict[str, Any] = {**what, "email": "invited@example.com", "locale": "en"}
        approvers = (ada.user_id,) if accepted else ()
        events: list[Event] = [InvitationRequested(**who, display_name="", approvers=approvers, requested_at=at)]
        if accepted:
            events += [
                InvitationSent(**who, **sealed, role="member", invited_by=ada.user_id, sent_at=at),
                InvitationAccepted(**what, user_id=new_id(), accepted_at=at),
            ]
        else:
            events.append(InvitationWithdrawn(**what, reason="revoked", withdrawn_at=at))
        history += [envelope_of(event, invitation_id, version) for version, event in enumerate(events, start=1)]
    return history


def webhook_events_of(ada: Person, notifications: NotificationsService) -> Sequence[Envelope[Any]]:
    """Events that only webhooks are about."""
    now, subscription_id = notifications.clock.now(), new_id()
    of: dict[str, Any] = {"tenant_id": ada.tenant_id, "subscription_id": subscription_id, "customer_id": ada.user_id}
    price: dict[str, Any] = {"plan": "team", "interval": "month", "amount_minor": 1, "currency": "EUR"}
    events: list[Event] = [
        SubscriptionRenewed(**of, **price, invoice_id=new_id(), period_start=now, period_end=now, renewed_at=now),
        SubscriptionCaughtUp(**of, invoice_id=new_id(), status="active", caught_up_at=now),
        SubscriptionCancellationScheduled(**of, cancel_at=now, scheduled_at=now),
        SubscriptionCancellationRevoked(**of, revoked_at=now),
    ]
    return [envelope_of(event, subscription_id, version) for version, event in enumerate(events, start=1)]


def bills_of(ada: Person, notifications: NotificationsService) -> Sequence[Envelope[Any]]:
    invoice_id, subscription_id, now = new_id(), new_id(), notifications.clock.now()
    refund_failed = InvoiceRefundFailed(
        tenant_id=ada.tenant_id,
        invoice_id=invoice_id,
        customer_id=ada.user_id,
        number=7,
        refund_id=new_id(),
        amount_minor=100,
        currency="EUR",
        reason="expired_or_canceled_card",
        requested_by=ada.user_id,
        was_booked=False,
        failed_at=now,
    )
    disputes = of_a_dispute(ada, invoice_id, now).values()
    invoice = [finalized(ada, invoice_id, now), *of_an_invoice(ada, invoice_id, now).values(), refund_failed, *disputes]
    subscription = of_a_subscription(ada, now, subscription_id).values()
    return [
        *(envelope_of(event, invoice_id, version) for version, event in enumerate(invoice, start=1)),
        *(envelope_of(event, subscription_id, version) for version, event in enumerate(subscription, start=1)),
        *(
            envelope_of(event, ada.user_id, version)
            for version, event in enumerate(of_a_card(ada, now).values(), start=1)
        ),
    ]
