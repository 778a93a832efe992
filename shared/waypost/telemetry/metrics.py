"""Metrics of the processes, for Prometheus: public API, each spelled once. Base units: seconds,
bytes, records.

A name begins with the application's `metrics_prefix`, `waypost_` by default.
"""

from prometheus_client import Counter, Gauge, Histogram

from waypost.project import metric

# HTTP

HTTP_REQUEST_SECONDS = Histogram(
    metric("http_request_seconds"),
    "Duration of HTTP requests by route template and status; 0 is a request whose client went away.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def known_method(method: str) -> str:
    """The method as a label: a client cannot make new series by inventing methods."""
    return method if method in _METHODS else "other"


# Process

EVENT_LOOP_LAG = Histogram(
    metric("event_loop_lag_seconds"),
    "How late a heartbeat of the event loop came. A handler that blocks makes every other task late by as much.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15),
)

# Outbox: each relay measures the whole of its service's outbox

OUTBOX_PENDING = Gauge(
    metric("outbox_pending"), "Rows that wait to be published; 10,000 per shard are counted at most."
)
OUTBOX_OLDEST_AGE = Gauge(metric("outbox_oldest_age_seconds"), "How long the oldest of them has waited.")
OUTBOX_PUBLISHED = Counter(metric("outbox_published_total"), "Records acknowledged by the broker.")
OUTBOX_QUARANTINED = Counter(
    metric("outbox_quarantined_total"), "Keys set aside because a row of theirs can never be sent."
)
OUTBOX_QUARANTINED_KEYS = Gauge(metric("outbox_quarantined_keys"), "Keys that are set aside at present.")
RELAY_INTERRUPTIONS = Counter(
    metric("relay_interruptions_total"), "Times that a relay began again with a new producer and lease."
)

# Consumers

CONSUMER_RECORDS = Counter(
    metric("consumer_records_total"),
    "Records taken in, by what became of them: handled, passed, duplicate, absorb, wait, fail, poison, conflict.",
    ["consumer", "outcome"],
)
CONSUMER_FAILURES = Counter(
    metric("consumer_failed_transactions_total"),
    "Transactions that were rolled back, by the step that failed; their records are taken again.",
    ["consumer", "step"],
)
CONSUMER_RETRIES = Counter(metric("consumer_retries_total"), "Letters tried again, redrives included.", ["consumer"])
CONSUMER_LAG_RECORDS = Gauge(
    metric("consumer_lag_records"),
    "Records of a partition that are not taken in yet.",
    ["consumer", "topic", "partition"],
)
CONSUMER_LAG_SECONDS = Gauge(
    metric("consumer_lag_seconds"),
    "Age of the last record taken in, where later ones wait; 0 where none does.",
    ["consumer", "topic", "partition"],
)
CONSUMER_PARKED_KEYS = Gauge(metric("consumer_parked_keys"), "Keys that wait behind a letter.", ["consumer"])
CONSUMER_FULL_PARTITIONS = Gauge(
    metric("consumer_full_partitions"),
    "Partitions that wait since as many letters are open as may be, until some are settled.",
    ["consumer"],
)
CONSUMER_DEAD_LETTERS = Gauge(metric("consumer_dead_letters"), "Letters that are not settled.", ["consumer", "status"])
CONSUMER_STRIPPED_DEAD_LETTERS = Counter(
    metric("consumer_stripped_dead_letters_total"),
    "Dead letters stored without key and headers, because the database refused them whole.",
    ["consumer"],
)
CONSUMER_STUCK_PARTITIONS = Gauge(
    metric("consumer_stuck_partitions"),
    "Partitions whose batch fails again and again; the log names the step and the error.",
    ["consumer"],
)

# Jobs

JOBS_PENDING = Gauge(
    metric("jobs_pending"), "Jobs that are not done, by state: queued, running, dead.", ["job", "status"]
)
JOB_WAIT_SECONDS = Histogram(
    metric("job_wait_seconds"),
    "From the moment at which a job was due to the start of its attempt.",
    ["job"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600),
)
JOB_RUN_SECONDS = Histogram(
    metric("job_run_seconds"),
    "Duration of an attempt, by how it ended: complete, failed, dead, cancelled.",
    ["job", "outcome"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)

# Live view

LIVE_RECORDS = Counter(
    metric("live_records_total"),
    "Records of moved money, by what became of them: counted (again, after a crash), too_large for a window, duplicate, late, unreadable.",
    ["outcome"],
)
