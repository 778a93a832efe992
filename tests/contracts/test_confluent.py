"""Confluent's client decodes our values, and its registry assigns the same schema ids as our lock
file.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.fixtures.envelopes import user_created_envelope
from waypost.project import project
from waypost.schemas.application import application_codec
from waypost.schemas.lock import LockedSchema, read_lock
from waypost.schemas.samples import readable, sample_path


@pytest.fixture(scope="module")
def registry() -> SchemaRegistryClient:
    """Confluent's in-memory registry, filled in the order of the lock file."""
    client: SchemaRegistryClient = SchemaRegistryClient.new_client({"url": "mock://"})  # type: ignore[attr-defined]  # newer than its stubs
    for line in read_lock(project().schemas_folder):
        assert (
            client.register_schema(line.subject, Schema((project().schemas_folder / line.file).read_text(), "AVRO"))
            == line.id
        )
    return client


def test_confluent_deserializer_decodes_our_events(registry: SchemaRegistryClient) -> None:
    event = replace(user_created_envelope().event, personal_ciphertext=b"\x01")  # held by the newest version alone
    read = AvroDeserializer(registry)(
        application_codec().encode(event).payload, SerializationContext(event.topic, MessageField.VALUE)
    )
    assert read == asdict(event)


@pytest.mark.parametrize("line", read_lock(project().schemas_folder), ids=lambda line: f"{line.type}-{line.version}")
def test_confluent_deserializer_decodes_every_sample(registry: SchemaRegistryClient, line: LockedSchema) -> None:
    path: Path = sample_path(project().schemas_folder, line.type, line.version)
    topic = line.subject.partition("-")[0]
    read = AvroDeserializer(registry)(path.read_bytes(), SerializationContext(topic, MessageField.VALUE))
    assert isinstance(read, dict) and readable(read) == json.loads(path.with_suffix(".json").read_text())
