"""The events of a service as an AsyncAPI 3.0 document, generated from schemas, topics and
declarations.
"""

from typing import Any

from waypost import VERSION
from waypost.hosting.asyncapi.channels import channel_of
from waypost.hosting.asyncapi.messages import RECORD, message_of
from waypost.hosting.asyncapi.operations import operations_of
from waypost.hosting.service import Service
from waypost.kernel.header_forms import CONTENT_TYPE
from waypost.project import project


def asyncapi_of(service: Service) -> dict[str, Any]:
    """https://www.asyncapi.com/docs/reference/specification/v3.0.0"""
    operations = list(operations_of(service))
    kinds = sorted({kind for operation in operations for kind in operation.kinds}, key=lambda kind: kind.type)
    topics = sorted({operation.topic for operation in operations})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{project().title} {service.name}: events",
            "version": VERSION,
            "description": "The events that this service publishes to Kafka, and the events that its consumers handle.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            topic: channel_of(topic, [kind for kind in kinds if kind.topic == topic], service.topics)
            for topic in topics
        },
        "operations": {operation.name: operation.as_dict() for operation in operations},
        "components": {
            "messages": {kind.type: message_of(kind, service.codec) for kind in kinds},
            "messageTraits": {"record": dict(RECORD)},
        },
    }


__all__ = ["asyncapi_of"]
