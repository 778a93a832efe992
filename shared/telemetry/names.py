"""Names of spans and attributes: public API, each spelled once. OpenTelemetry's messaging conventions are still in development."""

REDACTED = "[redacted]"

# HTTP
URL_PATH = "url.path"
URL_QUERY = "url.query"

# Messaging
TRACER = "waypost"
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_KEY = "messaging.kafka.message.key"
TENANT_ID = "waypost.tenant_id"
KAFKA = "kafka"
SEND = "send"


def send_span(topic: str) -> str:
    return f"send {topic}"
