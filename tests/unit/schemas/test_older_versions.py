"""Which versions a release writes after its schemas moved on; the values themselves are in
`test_written_version.py`.
"""

import dataclasses
from typing import Any

from tests.unit.schemas.folder import SchemaFolder, adds, removes
from tests.unit.schemas.test_evolution import CLOSED, Release
from waypost.kernel.event import Event


def written(release: Release, **more: object) -> int:
    """The version that the release writes."""
    encoded = release.codec.encode(release.event("tenant.closed", **{**CLOSED, **more}))
    return release.codec._formats.by_id[encoded.schema_id].version


def test_an_old_release_reads_events_that_use_no_new_field(folder: SchemaFolder) -> None:
    old = Release(folder)
    folder.publish("tenant.closed", 2, adds("note", "string", default="none given"))
    payload = Release(folder).closes()
    assert old.codec.decode("tenant.closed", payload) == old.event("tenant.closed", **CLOSED)


def test_a_version_with_a_removed_field_is_not_written(folder: SchemaFolder) -> None:
    """Readers of versions 2 and 3 would take the default of `note` for a statement."""
    folder.publish("tenant.closed", 2, adds("note", "string", default=""))
    folder.publish("tenant.closed", 3, adds("by", "string", default=""))
    assert written(Release(folder)) == 1
    folder.publish("tenant.closed", 4, removes("note"))
    assert written(Release(folder)) == 4
    folder.publish("tenant.closed", 5, adds("at_once", "boolean", default=False))
    assert written(Release(folder)) == 4
    assert written(Release(folder), at_once=True) == 5


def test_an_upcaster_decides_whether_its_version_holds_an_event(folder: SchemaFolder) -> None:
    folder.publish("tenant.closed", 2, adds("note", "string", default=""))

    def stated(event: Any) -> Event:
        if event.reason == "unreadable":
            raise LookupError(event.reason)
        stated_event: Event = dataclasses.replace(event, reason=event.reason or "unknown")
        return stated_event

    release = Release(folder, upcasters={("tenant.closed", 1): stated})

    assert [written(release, reason=reason) for reason in ("requested", "", "unreadable")] == [1, 2, 2]
