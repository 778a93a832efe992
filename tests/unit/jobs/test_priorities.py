"""The jobs of the services share the slots of their process."""

from collections.abc import Sequence

import pytest

from services.billing import jobs as billing
from services.notifications import jobs as notifications
from services.users import jobs as users
from waypost.jobs.declaration import Job
from waypost.jobs.worker.loop import DEFAULTS


@pytest.mark.parametrize("jobs", [billing.JOBS, notifications.JOBS, users.JOBS], ids=["billing", "mail", "users"])
def test_limited_kinds_leave_a_slot_for_the_others(jobs: Sequence[Job]) -> None:
    """Upkeep is claimed after all other kinds, so that it takes only slots that they leave; each of
    its kinds takes one.
    """
    limited = [job for job in jobs if job.max_at_once is not None]
    assert sum(job.max_at_once or 0 for job in limited if job.priority >= 0) < DEFAULTS.max_jobs
    assert {job.max_at_once for job in jobs if job.priority < 0} <= {1}


def test_each_job_that_asks_the_provider_or_runs_for_long_has_a_limit() -> None:
    limited = {job.name for job in [*billing.JOBS, *notifications.JOBS] if job.max_at_once is not None}
    assert limited >= {"charge_invoice", "retry_payment", "refund_payment", "resolve_attempts", "generate_report"}
    assert "send_notification" in limited
    assert limited >= {"prune_webhooks", "redeliver_failed_webhooks", "reseal_webhook_secrets", "sweep_webhooks"}


def test_payments_and_renewals_never_wait_for_reports_nor_mails_for_digests() -> None:
    priority = {job.name: job.priority for job in [*billing.JOBS, *notifications.JOBS]}
    for payment in ("charge_invoice", "retry_payment", "refund_payment", "resolve_attempts", "renew_subscriptions"):
        assert priority[payment] > priority["generate_report"]
    assert priority["send_notification"] > priority["queue_digest"]
