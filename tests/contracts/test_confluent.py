"""Confluent's own client reads our bytes, and its registry counts ids as our lock does."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.codec import AvroCodec
from schemas.lock import LockedSchema, read_lock
from schemas.samples import readable, sample_path
from schemas.sources import ROOT
from tests.fixtures.envelopes import user_created_envelope


@pytest.fixture(scope="module")
def registry() -> SchemaRegistryClient:
    """Confluent's registry in memory, as their client brings it, filled in lock order."""
    client: SchemaRegistryClient = SchemaRegistryClient.new_client({"url": "mock://"})  # type: ignore[attr-defined]  # newer than its stubs
    for line in read_lock():
        assert client.register_schema(line.subject, Schema((ROOT / line.file).read_text(), "AVRO")) == line.id
    return client


def test_their_deserializer_reads_our_events(registry: SchemaRegistryClient) -> None:
    event = user_created_envelope().event
    read = AvroDeserializer(registry)(
        AvroCodec().encode(event).payload, SerializationContext(event.topic, MessageField.VALUE)
    )
    assert read == asdict(event)


@pytest.mark.parametrize("line", read_lock(), ids=lambda line: f"{line.type}-{line.version}")
def test_their_deserializer_reads_every_sample(registry: SchemaRegistryClient, line: LockedSchema) -> None:
    path: Path = sample_path(ROOT, line.type, line.version)
    topic = line.subject.partition("-")[0]
    read = AvroDeserializer(registry)(path.read_bytes(), SerializationContext(topic, MessageField.VALUE))
    assert isinstance(read, dict) and readable(read) == json.loads(path.with_suffix(".json").read_text())
