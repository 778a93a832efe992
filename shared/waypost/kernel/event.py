"""An event is a fact of one tenant, in the past tense. Its class is generated from
`schemas/avro`.
"""

from collections.abc import Mapping
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
    """Fields with personal data: never logged, encrypted if the class has `PERSONAL_CIPHERTEXT`,
    emptied on erasure.
    """

    tenant_id: UUID


E = TypeVar("E", bound=Event)

PERSONAL_CIPHERTEXT = "personal_ciphertext"
"""The field of bytes that contains the values of the personal fields, encrypted; they are then
empty.
"""


def is_encryptable(kind: type[Event]) -> bool:
    """Whether events of this class are encrypted, if their service has the keys of people."""
    return bool(kind.personal) and hasattr(kind, PERSONAL_CIPHERTEXT)


def has_personal_data(event: Event) -> bool:
    """Whether the event has readable personal data that can be encrypted."""
    return is_encryptable(type(event)) and any(getattr(event, name) for name in event.personal)


def personal_ciphertext(event: Event) -> bytes:
    """The encrypted personal data; empty if there is none."""
    return getattr(event, PERSONAL_CIPHERTEXT, b"")


def with_personal_ciphertext(event: E, ciphertext: bytes) -> E:
    """The same event with this ciphertext in place of its personal data."""
    return _replaced(event, {**dict.fromkeys(event.personal, ""), PERSONAL_CIPHERTEXT: ciphertext})


def with_personal_data(event: E, values: Mapping[str, str]) -> E:
    """The same event with these personal data in place of its ciphertext."""
    known = {name: value for name, value in values.items() if name in event.personal}
    return _replaced(event, {**known, PERSONAL_CIPHERTEXT: b""})


def without_personal_data(event: E) -> E:
    """The same event with empty text in each field of personal data, and without its ciphertext."""
    ciphertext = {PERSONAL_CIPHERTEXT: b""} if hasattr(event, PERSONAL_CIPHERTEXT) else {}
    return _replaced(event, {**dict.fromkeys(event.personal, ""), **ciphertext})


def _replaced(event: E, values: Mapping[str, object]) -> E:
    return cast(E, replace(cast(Any, event), **values))
