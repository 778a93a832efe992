"""An event type as a message: its headers, its key, and its Avro schema."""

from collections.abc import Mapping
from inspect import getdoc
from typing import Any

from waypost.hosting.asyncapi.headers import headers_schema
from waypost.kernel.cloudevents import CONTENT_TYPE
from waypost.kernel.event import Event
from waypost.ports.codec import EventCodec

AVRO = "application/vnd.apache.avro;version=1.9.0"
KAFKA_BINDING = "0.5.0"
"""Of AsyncAPI: https://github.com/asyncapi/bindings/tree/master/kafka"""

RECORD: Mapping[str, Any] = {
    "contentType": CONTENT_TYPE,
    "headers": headers_schema(),
    "correlationId": {
        "description": "The same for everything that one request brought about.",
        "location": "$message.header#/ce_correlationid",
    },
    "bindings": {
        "kafka": {
            "key": {
                "type": "string",
                "format": "uuid",
                "description": "The aggregate's id: its events keep their order.",
            },
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": "TopicRecordNameStrategy",
            "bindingVersion": KAFKA_BINDING,
        }
    },
}
"""What all records have in common."""


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
