"""Keys of people: their personal data in events is encrypted with a key that is destroyed when the
person is erased (docs/decisions/0078-personal-data-is-encrypted-per-person.md).
"""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event


class PersonalCiphertext(NamedTuple):
    """The encrypted personal data of one event."""

    event_type: str
    event_id: UUID
    tenant_id: UUID
    ciphertext: bytes


DESTROYED = b""
"""In place of a key: it was destroyed. Personal data of this person reads as empty text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeyEvents:
    """The events that carry keys to the other services, on a compacted topic without versions."""

    created: type[Event]
    """Has `tenant_id`, `person_id`, `key` (base64) and `created_at`."""
    destroyed: type[Event]
    """Has `tenant_id`, `person_id` and `destroyed_at`. Replaces `created` in the topic: it has the
    same Kafka key.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeyDeclaration:
    """Declares that a service encrypts and decrypts personal data. Its database has the table
    `person_keys` (`waypost.engine.person_keys`).
    """

    publishes: PersonKeyEvents | None = None
    """Set in the one service that creates and destroys keys. Another service consumes these
    events.
    """


def key_not_arrived(subject: str) -> NotYet:
    """The error of encrypted data whose key has not arrived. `subject` names the data."""
    return NotYet(f"the key that decrypts {subject} has not arrived yet")
