"""Prometheus metrics: public API, each defined once. Base units: seconds, bytes, records.

A name begins with the application's `metrics_prefix`, `waypost_` by default.
"""

from prometheus_client import Counter, Gauge, Histogram

from waypost.project import metric

# HTTP

HTTP_REQUEST_SECONDS = Histogram(
    metric("http_request_seconds"),
    "Duration of HTTP requests by route template and status, without the time that a request preferred to wait; 0 means"
    " that the client disconnected.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def known_method(method: str) -> str:
    """The HTTP method as a label; unknown methods become "other", so that clients cannot create new
    series.
    """
    return method if method in _METHODS else "other"


READ_WAITS = Counter(
    metric("read_waits_total"),
    "Requests with a Write-Token that preferred to wait, by what came of it: handled, pending, failed, unchecked.",
    ["status"],
)

# Process

EVENT_LOOP_LAG = Histogram(
    metric("event_loop_lag_seconds"),
    "Delay of a heartbeat of the event loop. A handler that blocks delays every other task.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15),
)

# Traces

TRACES_NOT_SAMPLED = Counter(
    metric("traces_not_sampled_total"),
    "New traces that are not recorded, because they exceed the limit per second. Failed work in them is recorded.",
)
SPANS_DROPPED = Counter(
    metric("spans_dropped_total"), "Records and jobs of sampled traces whose span exceeds the limit per second."
)

EVENTS_WITHOUT_KEY = Counter(
    metric("events_without_key_total"),
    "Events with personal data that were stored and published in plain text, because their person has no key.",
    ["type"],
)

# Outbox: each relay measures its service's whole outbox

OUTBOX_PENDING = Gauge(
    metric("outbox_pending"), "Rows to be published; from 1,000 on an estimate, with the rows of quarantined keys."
)
OUTBOX_OLDEST_AGE = Gauge(metric("outbox_oldest_age_seconds"), "Age of the oldest row to be published.")
OUTBOX_PUBLISHED = Counter(metric("outbox_published_total"), "Records acknowledged by the broker.")
OUTBOX_QUARANTINED = Counter(
    metric("outbox_quarantined_total"), "Keys quarantined because the broker can never accept one of their rows."
)
OUTBOX_QUARANTINED_KEYS = Gauge(metric("outbox_quarantined_keys"), "Keys that are quarantined now.")
RELAY_HELD_PARTITIONS = Gauge(
    metric("relay_held_partitions"),
    "1 for each partition or topic that accepts no records, so that its rows wait.",
    ["partition", "reason"],
)
RELAY_INTERRUPTIONS = Counter(metric("relay_interruptions_total"), "Restarts of a relay with a new producer and lease.")

# Consumers

CONSUMER_RECORDS = Counter(
    metric("consumer_records_total"),
    "Records processed, by outcome: handled, ignored, duplicate, stale, waiting, failed, poison, conflict.",
    ["consumer", "outcome"],
)
CONSUMER_FAILURES = Counter(
    metric("consumer_failed_transactions_total"),
    "Transactions that were rolled back, by the step that failed; their records are processed again.",
    ["consumer", "step"],
)
CONSUMER_RETRIES = Counter(
    metric("consumer_retries_total"), "Attempts at dead letters, redrives included.", ["consumer"]
)
CONSUMER_INVALID_TRACE_CONTEXTS = Counter(
    metric("consumer_invalid_trace_contexts_total"),
    "Records whose trace context was not valid; they were processed in a new trace.",
    ["topic"],
)
CONSUMER_LOST_RECORDS = Counter(
    metric("consumer_lost_records_total"),
    "Offsets whose records were deleted from a topic before the consumer had read them; the log names them.",
    ["consumer", "topic", "partition"],
)
CONSUMER_TRUNCATED_LOGS = Counter(
    metric("consumer_truncated_logs_total"),
    "Logs that lost records which the consumer had processed; it reads them again from the beginning.",
    ["consumer", "topic", "partition"],
)
CONSUMER_LAG_RECORDS = Gauge(
    metric("consumer_lag_records"),
    "Records between the consumer position and the end of the partition.",
    ["consumer", "topic", "partition"],
)
CONSUMER_LAG_SECONDS = Gauge(
    metric("consumer_lag_seconds"),
    "Age of the last processed record while the partition has later ones; 0 if it has none.",
    ["consumer", "topic", "partition"],
)
CONSUMER_PARKED_KEYS = Gauge(
    metric("consumer_parked_keys"), "Keys whose events wait behind a dead letter.", ["consumer"]
)
CONSUMER_FULL_PARTITIONS = Gauge(
    metric("consumer_full_partitions"),
    "Partitions paused because the limit of open dead letters is reached.",
    ["consumer"],
)
CONSUMER_DEAD_LETTERS = Gauge(
    metric("consumer_dead_letters"), "Dead letters that are not settled.", ["consumer", "status"]
)
CONSUMER_STRIPPED_DEAD_LETTERS = Counter(
    metric("consumer_stripped_dead_letters_total"),
    "Dead letters stored without key and headers, because the database refused those.",
    ["consumer"],
)
CONSUMER_STUCK_PARTITIONS = Gauge(
    metric("consumer_stuck_partitions"),
    "Partitions whose batch fails repeatedly; the log names the step and the error.",
    ["consumer"],
)

# Jobs

JOBS_PENDING = Gauge(
    metric("jobs_pending"),
    "Jobs that are not complete, by state: queued, running, dead; counted up to 10,000 of each state.",
    ["job", "status"],
)
JOB_WAIT_SECONDS = Histogram(
    metric("job_wait_seconds"),
    "Time from a job's due time to the start of its attempt.",
    ["job"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600),
)
JOB_RUN_SECONDS = Histogram(
    metric("job_run_seconds"),
    "Duration of an attempt, by outcome: complete, failed, dead, cancelled.",
    ["job", "outcome"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)

JOB_OUTAGES = Counter(
    metric("job_outages_total"),
    "Executions of a job that an outage ended. They use none of its attempts: the job waits until the outage is over.",
    ["job"],
)

# Live view

LIVE_RECORDS = Counter(
    metric("live_records_total"),
    "Payment records of the live view, by outcome: counted (perhaps twice after a crash), too_large, duplicate, late, unreadable.",
    ["outcome"],
)

# Payments

PAYMENT_EXCEPTIONS = Counter(
    metric("payment_exceptions_total"),
    "Reports of the payment provider that were not recorded, by kind: mismatch, unmatched, not_bookable, difference.",
    ["kind"],
)
STRAY_PAYMENTS = Counter(
    metric("stray_payments_total"), "Charges that succeeded after their attempt had been declined or abandoned."
)

# Webhooks

WEBHOOK_ATTEMPTS = Counter(
    metric("webhook_attempts_total"),
    "Requests to webhook endpoints of tenants, by outcome: delivered, or the failure as in the log of deliveries.",
    ["outcome"],
)
