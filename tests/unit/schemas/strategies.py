"""Hypothesis strategies for events, made from the schemas."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from schemas.catalogue import EVENTS
from waypost.kernel.event import Event
from waypost.project import project
from waypost.schemas.sources import newest, read_sources
from waypost.schemas.types import Field

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uuid": st.uuids(),
    "string": st.text(max_size=30),
    "bytes": st.binary(max_size=80),
    "long": st.integers(min_value=-(2**63), max_value=2**63 - 1),
    "boolean": st.booleans(),
    "timestamp-micros": st.datetimes(timezones=st.just(UTC)),
}


def _value(field: Field) -> st.SearchStrategy[Any]:
    value = _VALUES[field.kind]
    return st.none() | value if field.nullable else value


def events() -> st.SearchStrategy[Event]:
    """Any event of any type that fits its schema."""
    latest = newest(read_sources(project().schemas_folder))
    return st.one_of(
        *(
            st.builds(EVENTS[event_type], **{field.name: _value(field) for field in source.fields})
            for event_type, source in latest.items()
        )
    )
