"""Schemas of any shape: their events come back as they were, in this codec and in another reader of
Avro.
"""

import json
import shutil
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.schemas.folder import SchemaFolder
from tests.unit.schemas.rich import add_type
from tests.unit.schemas.strategies import events_of, schema_fields
from waypost.kernel.errors import UndecodableRecord
from waypost.kernel.event import Event
from waypost.project import configure, project
from waypost.schemas.codec import AvroCodec
from waypost.schemas.sources import SchemaSource, read_sources

TYPE = "tenant.tried"


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=schema_fields(), data=st.data())
def test_an_event_of_any_schema_comes_back_as_it_was(fields: list[dict[str, Any]], data: st.DataObject) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as monkeypatch:
        try:
            codec, kind, source = release(Path(directory), monkeypatch, fields)
        finally:
            monkeypatch.undo()
            configure(None)
    for _ in range(5):
        event: Event = data.draw(events_of(kind, source.fields))
        payload = codec.encode(event).payload
        decoded = codec.decode(TYPE, payload)
        assert decoded == event
        assert repr(decoded) == repr(event)
        body = BytesIO(payload[5:])
        schemaless_reader(body, parse_schema(source.definition), None)
        assert not body.read(), "a reader that knows the logical types reads the same bytes"
        with pytest.raises(UndecodableRecord):
            codec.decode(TYPE, payload[:-1])


def release(
    directory: Path, monkeypatch: pytest.MonkeyPatch, fields: list[dict[str, Any]]
) -> tuple[AvroCodec, Any, SchemaSource]:
    """A project with this one event type: linted, locked, generated, checked."""
    root = directory / "schemas"
    (root / "avro").mkdir(parents=True)
    shutil.copy(project().schemas_folder / "topics.yaml", root)
    folder = SchemaFolder(root, monkeypatch)
    add_type(folder, TYPE, fields)
    for command in ("lock", "generate", "check"):
        assert folder.run(command) == 0, json.dumps(fields)
    events = folder.events()
    (source,) = read_sources(root)
    return AvroCodec(root=root, events=events, upcasters={}), events[TYPE], source
