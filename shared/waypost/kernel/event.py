"""An event is a fact of one tenant, in the past tense. Its class is generated from
`schemas/avro`.
"""

from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID


class Event:
    """Base of the generated, frozen dataclasses. Holds plain values; its id and time are in the
    envelope.
    """

    __slots__ = ()

    type: ClassVar[str]
    """CloudEvents type, `<aggregate>.<past tense>`: `user.created`."""
    topic: ClassVar[str]
    """Kafka topic, `<service>.<aggregate>`: `users.user`."""
    schema_version: ClassVar[int]
    """Version of the .avsc that this class was generated from."""
    personal: ClassVar[frozenset[str]]
    """Fields with personal data: never logged, emptied on erasure."""

    tenant_id: UUID


E = TypeVar("E", bound=Event)


def without_personal_data(event: E) -> E:
    """The same event with empty text in each field of personal data."""
    return cast(E, replace(cast(Any, event), **dict.fromkeys(event.personal, "")))
