"""Names and fixed values of spans and attributes (public API). Defined here instead of imported,
because OpenTelemetry's messaging conventions are not stable.
"""

REDACTED = "[redacted]"

# One service per bounded context, so that a dependency graph shows contexts rather than processes.
SERVICE = "service.name"
INSTANCE = "service.instance.id"
NAMESPACE = "service.namespace"

# Attributes of Waypost
TENANT = "waypost.tenant_id"
ORIGINAL_TRACE = "waypost.original_trace_id"
"""The linked trace that caused this span, on a span that starts a new trace."""

WAITS_FOR = "waypost.waits_for"
"""The class of the error of work that waits for a row from another topic, which has not failed."""

JOB_ATTEMPT = "waypost.job.attempt"
"""The number of the attempt; an outage uses none."""
JOB_OUTAGES = "waypost.job.outages"
"""Earlier executions of the job that an outage ended."""

# Events of a span
STATEMENT_MICROSECONDS = "waypost.statement.microseconds"
ERROR_TYPE = "error.type"

# HTTP
HTTP_METHOD = "http.request.method"
HTTP_STATUS = "http.response.status_code"
HTTP_ROUTE = "http.route"
URL_PATH = "url.path"
URL_QUERY = "url.query"

# Messaging
SYSTEM = "messaging.system"
KAFKA = "kafka"
JOB_TABLE = "waypost_jobs"
DESTINATION = "messaging.destination.name"
PARTITION = "messaging.destination.partition.id"
OFFSET = "messaging.kafka.offset"
MESSAGE_KEY = "messaging.kafka.message.key"
MESSAGE_ID = "messaging.message.id"
CONSUMER_GROUP = "messaging.consumer.group.name"
BATCH_COUNT = "messaging.batch.message_count"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
SEND = "send"
PROCESS = "process"

# Peers, for exporters that draw a graph
PEER_SERVICE = "peer.service"
SERVER_ADDRESS = ("server.address", "net.peer.name")


def send_span_name(topic: str) -> str:
    return f"{SEND} {topic}"


def process_span_name(topic: str) -> str:
    return f"{PROCESS} {topic}"


def rebuild_span_name(consumer: str) -> str:
    return f"rebuild {consumer}"
