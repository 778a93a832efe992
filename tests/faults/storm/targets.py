"""The parts of the system that a storm damages, with their failpoints, links and read models."""

from collections.abc import Mapping, Sequence

SERVICES = ("users", "billing", "notifications")
PLATFORM = ("kafka", "postgres")
OUTSIDE = ("payments", "mail")
WORKERS = tuple(f"{service}-worker" for service in SERVICES)
PROCESSES = (*(f"{service}-{process}" for service in SERVICES for process in ("api", "worker", "jobs")), "billing-live")
TARGETS = (*PLATFORM, *PROCESSES, *OUTSIDE)

_CONSUMING = ("after_poll", "after_claim", "after_effect", "after_commit", "after_offset_commit")
_WORKER = (
    *(f"relay.{key}" for key in ("after_select", "after_send", "after_ack", "after_delete")),
    *(f"consumer.{step}" for step in _CONSUMING),
)
_API = ("request.before_begin", "write.after_events", "request.after_commit", "wakeups.before_send")
_JOBS = ("jobs.after_claim", "jobs.before_outcome", "jobs.after_outcome")
_MONEY = ("billing.before_provider_request", "billing.after_provider_response", "schedule.before_commit")

POINTS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(WORKERS, _WORKER),
    "users-api": _API,
    "billing-api": _API,
    "billing-jobs": (*_JOBS, *_MONEY),
    "notifications-jobs": _JOBS,
    "billing-live": tuple(f"live.{name}" for name in ("after_repartition", "after_tables", "after_changelogs")),
}
"""Failpoints that a process reaches under this load, by target."""

LINKS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(WORKERS, ("postgres", "kafka")),
    "users-api": ("postgres",),
    "billing-api": ("postgres", "users-api"),
    "notifications-api": ("postgres", "users-api"),
    "users-jobs": ("postgres",),
    "billing-jobs": ("postgres", "payments"),
    "notifications-jobs": ("postgres", "smtp"),
    "billing-live": ("kafka",),
    "payments": ("billing-api",),
}
"""The servers that a process connects to, by the names of their ports. `kafka` stands for every
broker.
"""

READ_MODELS: Mapping[str, Sequence[str]] = {
    "users-worker": ("users.accounts", "users.tenants", "users.overview"),
    "billing-worker": ("billing.customers", "billing.invoices", "billing.ledger", "billing.principals"),
    "notifications-worker": ("notifications.recipients", "notifications.invoices", "notifications.outgoing"),
}
"""Read models that a rebuild replaces while the worker runs, by worker."""

LOST_TOPIC = "users.user"
"""The topic that the storm deletes. Its consumers detect a new topic; the live view reads others,
through Faust, which does not.
"""


def servers_of(peer: str, platform: Sequence[str]) -> Sequence[str]:
    """The servers of a peer: every broker for `kafka`, in a stack with these servers."""
    return [name for name in platform if name.startswith("kafka")] if peer == "kafka" else [peer]
