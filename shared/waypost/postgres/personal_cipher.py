"""Encrypts the personal data of an event: AES-256-GCM over all its personal fields as one value.

A ciphertext consists of a format byte, the id of the person (16 bytes), a random nonce (12 bytes),
and the encrypted JSON object with its tag. It is bound to the event, its type, its tenant and the
person: in another event it does not decrypt.
"""

import os
from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from waypost.kernel.errors import UndecodableRecord
from waypost.kernel.event import Event, personal_ciphertext, with_personal_ciphertext, with_personal_data
from waypost.ports.person_keys import PersonalCiphertext

E = TypeVar("E", bound=Event)

_FORMAT = 1
_NONCE_BYTES = 12
_PERSON = slice(1, 17)
_NONCE = slice(17, 17 + _NONCE_BYTES)
_HEADER_BYTES = _NONCE.stop
_TAG_BYTES = 16


def new_key() -> bytes:
    """A random key of 256 bits."""
    return AESGCM.generate_key(256)


def encrypted(event: E, event_id: UUID, person_id: UUID, key: bytes) -> E:
    """The event with its personal data encrypted under the person's key."""
    values = orjson.dumps({name: getattr(event, name) for name in sorted(event.personal)})
    nonce, bound = os.urandom(_NONCE_BYTES), _bound(event.type, event_id, event.tenant_id, person_id)
    sealed = AESGCM(key).encrypt(nonce, values, bound)
    return with_personal_ciphertext(event, bytes((_FORMAT,)) + person_id.bytes + nonce + sealed)


def decrypted(event: E, event_id: UUID, key: bytes) -> E:
    """The event with readable personal data. Raises UndecodableRecord if the key does not fit."""
    return with_personal_data(event, personal_values(ciphertext_of(event, event_id), key))


def ciphertext_of(event: Event, event_id: UUID) -> PersonalCiphertext:
    return PersonalCiphertext(event.type, event_id, event.tenant_id, personal_ciphertext(event))


def person_of(found: PersonalCiphertext) -> UUID:
    """The person whose key decrypts it. Raises UndecodableRecord for a value that is not a
    ciphertext.
    """
    ciphertext = found.ciphertext
    if len(ciphertext) < _HEADER_BYTES + _TAG_BYTES or ciphertext[0] != _FORMAT:
        raise UndecodableRecord(
            f"the personal data of this {found.event_type} has no known format of encryption; the producer wrote it with"
            " another release, or the record was changed",
            event_type=found.event_type,
        )
    return UUID(bytes=ciphertext[_PERSON])


def personal_values(found: PersonalCiphertext, key: bytes) -> Mapping[str, str]:
    """The personal data by field. Raises UndecodableRecord if the key does not fit."""
    person_id, ciphertext = person_of(found), found.ciphertext
    bound = _bound(found.event_type, found.event_id, found.tenant_id, person_id)
    try:
        values: Mapping[str, str] = orjson.loads(
            AESGCM(key).decrypt(ciphertext[_NONCE], ciphertext[_HEADER_BYTES:], bound)
        )
    except InvalidTag as error:
        raise UndecodableRecord(
            f"the key of person {person_id} does not decrypt this {found.event_type}: the record was changed, or belongs"
            " to another event",
            event_type=found.event_type,
        ) from error
    return values


def _bound(event_type: str, event_id: UUID, tenant_id: UUID, person_id: UUID) -> bytes:
    return f"{event_type} {event_id} {tenant_id} {person_id}".encode()
