"""Jobs: the only code that sends mail."""

from collections.abc import Sequence

from services.notifications.jobs.digest import queue_digest, send_digest
from services.notifications.jobs.notifications import cleanup_expired, send_notification
from waypost.jobs.declaration import Job, Scheduled

JOBS: Sequence[Job] = [
    # Ten attempts span about an hour, so that a restart of the mail server loses no notification.
    Job(send_notification, max_attempts=10),
    Job(cleanup_expired),
    Job(send_digest, timeout_seconds=600),
    Job(queue_digest),
]

SCHEDULE: Sequence[Scheduled] = [
    Scheduled("cleanup_expired", at="02:00"),
    Scheduled("send_digest", at="09:00"),
]
