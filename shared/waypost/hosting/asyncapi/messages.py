"""AsyncAPI message objects of event types: headers, key and Avro schema."""

from collections.abc import Mapping
from inspect import getdoc
from typing import Any

from waypost.hosting.asyncapi.headers import headers_schema
from waypost.kernel.event import Event
from waypost.kernel.header_forms import CONTENT_TYPE
from waypost.ports.codec import EventCodec

AVRO = "application/vnd.apache.avro;version=1.9.0"
KAFKA_BINDING = "0.5.0"
"""Version of the AsyncAPI binding: https://github.com/asyncapi/bindings/tree/master/kafka"""

RECORD: Mapping[str, Any] = {
    "contentType": CONTENT_TYPE,
    "description": "Written in the oldest version of its schema that holds the event; the frame names that version.",
    "headers": headers_schema(),
    "correlationId": {
        "description": "Equal in all events that one request caused.",
        "location": "$message.header#/ce_correlationid",
    },
    "bindings": {
        "kafka": {
            "key": {
                "type": "string",
                "format": "uuid",
                "description": "Id of the aggregate. Events with the same key stay in order.",
            },
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": "TopicRecordNameStrategy",
            "bindingVersion": KAFKA_BINDING,
        }
    },
}
"""The parts that all records share."""


def message_of(kind: type[Event], codec: EventCodec) -> dict[str, Any]:
    schema = codec.schema_of(kind)
    return {
        "name": kind.type,
        "title": kind.type,
        "summary": getdoc(kind),
        "traits": [{"$ref": "#/components/messageTraits/record"}],
        "payload": {"schemaFormat": AVRO, "schema": dict(schema.definition)},
        "x-schema-id": schema.schema_id,
        "x-schema-version": schema.version,
    }
