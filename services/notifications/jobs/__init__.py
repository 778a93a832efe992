"""Jobs: the only code that sends mail."""

from collections.abc import Sequence

from services.notifications.jobs.digest import queue_digest, send_digest
from services.notifications.jobs.notifications import cleanup_expired, send_notification
from services.notifications.jobs.suppressions import lift_suppression
from waypost.jobs.declaration import Job, Scheduled

JOBS: Sequence[Job] = [
    # A mail server that does not answer leaves slots for the jobs that send no mail.
    Job(send_notification, priority=10, max_at_once=8),
    Job(cleanup_expired),
    Job(send_digest, timeout_seconds=600),
    Job(queue_digest),
    Job(lift_suppression),
]

SCHEDULE: Sequence[Scheduled] = [
    Scheduled("cleanup_expired", at="02:00"),
    Scheduled("send_digest", at="09:00"),
]
