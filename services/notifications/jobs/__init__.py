"""Jobs: the only code that sends mails and webhooks."""

from collections.abc import Sequence

from services.notifications.jobs.digest import queue_digest, send_digest
from services.notifications.jobs.notifications import cleanup_expired, send_notification
from services.notifications.jobs.suppressions import lift_suppression
from services.notifications.jobs.webhook_upkeep import (
    PRUNE,
    RESEAL,
    SWEEP,
    prune_webhooks,
    redeliver_failed_webhooks,
    reseal_webhook_secrets,
    sweep_webhooks,
    tell_of_disabled_webhook,
)
from services.notifications.jobs.webhooks import send_unanswered_webhooks, send_webhooks
from waypost.jobs.declaration import Job, Scheduled

JOBS: Sequence[Job] = [
    # A mail server that does not answer leaves slots for the jobs that send no mail.
    Job(send_notification, priority=10, max_at_once=6),
    Job(cleanup_expired),
    Job(send_digest, timeout_seconds=600),
    Job(queue_digest),
    Job(lift_suppression),
    # Mails, endpoints that answer, and endpoints that do not, or slowly: none uses the slots of
    # another.
    Job(send_webhooks, keeps_result=False, max_at_once=2),
    Job(send_unanswered_webhooks, keeps_result=False, max_at_once=1),
    # Upkeep of a tenant may be long: one of each kind, and after the other kinds.
    Job(sweep_webhooks, keeps_result=False, max_at_once=1, priority=-1),
    Job(prune_webhooks, keeps_result=False, max_at_once=1, priority=-1),
    Job(reseal_webhook_secrets, keeps_result=False, max_at_once=1, priority=-1),
    Job(redeliver_failed_webhooks, keeps_result=False, max_at_once=1, priority=-1),
    Job(tell_of_disabled_webhook, keeps_result=False),
]

SCHEDULE: Sequence[Scheduled] = [
    Scheduled("cleanup_expired", at="02:00"),
    Scheduled("send_digest", at="09:00"),
    SWEEP,
    PRUNE,
    RESEAL,
]
