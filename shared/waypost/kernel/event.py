"""An event is a fact of one tenant, in the past tense. The classes themselves are generated from
`schemas/avro`.
"""

from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID


class Event:
    """Base of the generated, frozen dataclasses. Closed over plain values: it carries no identity
    and no time of storing.
    """

    __slots__ = ()

    type: ClassVar[str]
    """CloudEvents type, `<aggregate>.<past tense>`: `user.created`."""
    topic: ClassVar[str]
    """Kafka topic, `<service>.<aggregate>`: `users.user`."""
    schema_version: ClassVar[int]
    """Version of the .avsc that this class was generated from."""
    personal: ClassVar[frozenset[str]]
    """Fields that identify a person: never logged, encrypted and forgotten by rule."""

    tenant_id: UUID


E = TypeVar("E", bound=Event)


def without_personal_data(event: E) -> E:
    """The same fact of nobody in particular: what identifies a person is empty text."""
    return cast(E, replace(cast(Any, event), **dict.fromkeys(event.personal, "")))
