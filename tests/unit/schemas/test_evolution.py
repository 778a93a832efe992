"""What happens to old events when schemas move on, and to new ones in an old release."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.unit.schemas.folder import SchemaFolder, adds, removes
from waypost.kernel.errors import Misconfigured, NewerSchema, UndecodableRecord
from waypost.kernel.event import Event
from waypost.schemas.codec import AvroCodec
from waypost.schemas.upcasters import Upcasters

CLOSED = {"tenant_id": uuid4(), "reason": "requested", "closed_at": datetime(2026, 5, 1, tzinfo=UTC)}


class Release:
    """The code that was built from a folder as it is now."""

    def __init__(self, folder: SchemaFolder, upcasters: Upcasters | None = None) -> None:
        self._events = folder.events()
        self.codec = AvroCodec(root=folder.root, events=self._events, upcasters=upcasters or {})

    def event(self, event_type: str, **values: object) -> Event:
        return self._events[event_type](**values)

    def closes(self, **more: object) -> bytes:
        """The payload of a tenant.closed that this release publishes."""
        return self.codec.encode(self.event("tenant.closed", **CLOSED, **more)).payload


def with_note(folder: SchemaFolder) -> None:
    """The change of these tests: tenant.closed gets a note."""
    folder.publish("tenant.closed", 2, adds("note", "string", default="none given"))


def test_an_old_event_is_read_by_the_newest_class(folder: SchemaFolder) -> None:
    payload = Release(folder).closes()
    with_note(folder)
    decoded: Any = Release(folder).codec.decode("tenant.closed", payload)
    assert (decoded.schema_version, decoded.reason, decoded.note) == (2, "requested", "none given")


def test_a_field_that_a_later_version_removed_is_skipped(folder: SchemaFolder) -> None:
    with_note(folder)
    payload = Release(folder).closes(note="moved away")
    folder.publish("tenant.closed", 3, removes("note"))
    release = Release(folder)
    assert release.codec.decode("tenant.closed", payload) == release.event("tenant.closed", **CLOSED)


def test_new_events_are_written_with_the_newest_version(folder: SchemaFolder) -> None:
    with_note(folder)
    release = Release(folder)
    decoded = release.codec.decode("tenant.closed", release.closes(note="moved away"))
    assert decoded == release.event("tenant.closed", **CLOSED, note="moved away")


def test_an_old_release_waits_for_the_release_of_a_newer_version(folder: SchemaFolder) -> None:
    old = Release(folder)
    with_note(folder)
    with pytest.raises(NewerSchema, match=r"is newer than this release.*deploy the release"):
        old.codec.decode("tenant.closed", Release(folder).closes(note="moved away"))


def test_a_row_of_a_retired_version_is_upcast(folder: SchemaFolder) -> None:
    payload = Release(folder).closes()
    with_note(folder)

    def rename(event: Any) -> Event:
        return release.event("tenant.renamed", tenant_id=event.tenant_id, name=event.reason, renamed_at=event.closed_at)

    release = Release(folder, upcasters={("tenant.closed", 1): rename})
    assert release.codec.decode("tenant.closed", payload).type == "tenant.renamed"
    assert release.codec.decode("tenant.closed", release.closes(note="new")).type == "tenant.closed"


def test_an_upcaster_that_fails_makes_the_record_undecodable(folder: SchemaFolder) -> None:
    def fail(event: Event) -> Event:
        raise LookupError(event.type)

    release = Release(folder, upcasters={("tenant.closed", 1): fail})
    with pytest.raises(UndecodableRecord, match=r"tenant\.closed"):
        release.codec.decode("tenant.closed", release.closes())


def test_a_release_without_its_lock_entries_does_not_start(folder: SchemaFolder) -> None:
    folder.draft("tenant.closed", 2, adds("note", "string", default=""))
    with pytest.raises(Misconfigured, match=r"tenant\.closed/2\.avsc is not locked"):
        Release(folder)
