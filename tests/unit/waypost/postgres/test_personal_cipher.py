"""A ciphertext hides the personal data, and decrypts in its own event with its own key alone."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from schemas.catalogue import EVENTS
from schemas.users import PersonKeyCreated, UserCreated, UserEmailVerified
from tests.unit.schemas.test_classes import user_created
from waypost.kernel.errors import UndecodableRecord
from waypost.kernel.event import PERSONAL_CIPHERTEXT, has_personal_data, is_encryptable, without_personal_data
from waypost.kernel.ids import TenantId
from waypost.postgres.key_cache import KeyCache
from waypost.postgres.personal_cipher import ciphertext_of, decrypted, encrypted, new_key, person_of
from waypost.schemas.application import application_codec

TENANT = TenantId(uuid4())
CREATED, EVENT_ID, PERSON, KEY = user_created(), uuid4(), uuid4(), new_key()


def test_personal_data_is_hidden_in_the_bytes_and_returns_with_the_key() -> None:
    codec = application_codec()
    payload = codec.encode(encrypted(CREATED, EVENT_ID, PERSON, KEY)).payload
    hidden = codec.decode("user.created", payload)
    assert CREATED.email.encode() not in payload and CREATED.display_name.encode() not in payload
    assert isinstance(hidden, UserCreated) and (hidden.email, hidden.display_name) == ("", "")
    assert (person_of(ciphertext_of(hidden, EVENT_ID)), hidden.role) == (PERSON, CREATED.role)
    assert decrypted(hidden, EVENT_ID, KEY) == CREATED
    assert not has_personal_data(hidden) and has_personal_data(CREATED)


def test_the_same_data_has_another_ciphertext_each_time() -> None:
    one, other = encrypted(CREATED, EVENT_ID, PERSON, KEY), encrypted(CREATED, EVENT_ID, PERSON, KEY)
    assert one.personal_ciphertext != other.personal_ciphertext


@pytest.mark.parametrize("change", ["event", "tenant", "person", "type", "key", "bit", "short", "format"])
def test_a_ciphertext_in_another_place_is_refused(change: str) -> None:
    event, event_id, key = encrypted(CREATED, EVENT_ID, PERSON, KEY), EVENT_ID, KEY
    ciphertext = event.personal_ciphertext
    match change:
        case "event":
            event_id = uuid4()
        case "tenant":
            event = replace(event, tenant_id=uuid4())
        case "person":
            event = replace(event, personal_ciphertext=ciphertext[:1] + uuid4().bytes + ciphertext[17:])
        case "key":
            key = new_key()
        case "bit":
            event = replace(event, personal_ciphertext=ciphertext[:-1] + bytes((ciphertext[-1] ^ 1,)))
        case "short":
            event = replace(event, personal_ciphertext=ciphertext[:40])
        case "format":
            event = replace(event, personal_ciphertext=b"\xff" + ciphertext[1:])
    moved = event if change != "type" else as_verified(event, ciphertext)
    with pytest.raises(UndecodableRecord) as refused:
        decrypted(moved, event_id, key)
    assert CREATED.email not in str(refused.value)


def as_verified(event: UserCreated, ciphertext: bytes) -> UserEmailVerified:
    return UserEmailVerified(
        tenant_id=event.tenant_id,
        user_id=event.user_id,
        email="",
        verified_at=event.created_at,
        personal_ciphertext=ciphertext,
    )


def test_an_erased_event_has_neither_data_nor_ciphertext() -> None:
    erased = without_personal_data(encrypted(CREATED, EVENT_ID, PERSON, KEY))
    assert (erased.email, erased.display_name, erased.personal_ciphertext) == ("", "", b"")


def test_every_event_with_personal_data_is_encrypted_except_the_key() -> None:
    events = set(EVENTS.values())
    readable = {kind for kind in events if kind.personal and not is_encryptable(kind)}
    assert readable == {PersonKeyCreated}
    assert {kind for kind in events if hasattr(kind, PERSONAL_CIPHERTEXT) and not kind.personal} == set()


def test_the_cache_forgets_the_oldest_keys_and_each_one_after_its_age() -> None:
    now = [0.0]
    cache = KeyCache(max_keys=2, max_age_seconds=60, clock=lambda: now[0])
    people: list[UUID] = [uuid4() for _ in range(3)]
    for person in people:
        cache.put((TENANT, person), person.bytes)
    assert [cache.get((TENANT, person)) for person in people] == [None, people[1].bytes, people[2].bytes]
    now[0] = 59.9
    cache.put((TENANT, people[2]), b"newer")
    now[0] = 60.0
    assert [cache.get((TENANT, person)) for person in people] == [None, None, b"newer"]
    assert len(cache) == 1
