"""Tokens that name the events of a write."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from schemas.users import UserProfileUpdated, UserReactivated
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.write_token import (
    MAX_EVENTS,
    MAX_LENGTH,
    MalformedWriteToken,
    digest_of_type,
    read_tokens,
    token_of,
)
from waypost.kernel.writes import Writes, bound_writes, hide_writes, show_writes_to
from waypost.testing.envelopes import envelope_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TENANT = TenantId(uuid4())


def stored(tenant_id: UUID = TENANT, *, user_id: UUID | None = None, version: int = 1) -> Envelope[Event]:
    user_id = user_id or uuid4()
    event = UserReactivated(tenant_id=tenant_id, user_id=user_id, reactivated_at=NOW)
    return envelope_of(event, user_id, version, at=NOW)


def token(*envelopes: Envelope[Event]) -> str:
    made = token_of(envelopes, TENANT)
    assert made is not None
    return made


def test_a_token_names_the_events_and_their_types() -> None:
    first, second = stored(), stored()
    text = token(first, second)
    assert read_tokens([text], TENANT) == [
        (first.event_id, digest_of_type("user.reactivated")),
        (second.event_id, digest_of_type("user.reactivated")),
    ]
    assert len(token(first)) == 36


def test_of_one_aggregate_and_type_the_last_event_is_named() -> None:
    user_id = uuid4()
    first, last = stored(user_id=user_id), stored(user_id=user_id, version=3)
    update = UserProfileUpdated(tenant_id=TENANT, user_id=user_id, display_name="Ada", locale="en", updated_at=NOW)
    between = envelope_of(update, user_id, 2, at=NOW)
    events = read_tokens([token(first, between, last)], TENANT)
    assert events is not None
    assert {event.event_id for event in events} == {between.event_id, last.event_id}


def test_events_without_a_version_and_those_of_other_tenants_are_not_named() -> None:
    assert token_of([], TENANT) is None
    assert token_of([stored(version=0), stored(uuid4())], TENANT) is None


def test_a_write_of_too_many_events_has_no_token() -> None:
    assert token_of([stored() for _ in range(MAX_EVENTS)], TENANT) is not None
    assert token_of([stored() for _ in range(MAX_EVENTS + 1)], TENANT) is None


def test_tokens_of_several_writes_are_read_together_and_the_same_one_once() -> None:
    first, second = stored(), stored()
    fields = [f"{token(first)}, {token(second)}", token(first)]
    assert [event.event_id for event in read_tokens(fields, TENANT) or ()] == [first.event_id, second.event_id]


@pytest.mark.parametrize("text", ["?", "a", "AQ", "é", "A" * 36, "A" * (MAX_LENGTH + 1)])
def test_a_text_that_is_not_a_token_is_refused(text: str) -> None:
    with pytest.raises(MalformedWriteToken):
        read_tokens([text], TENANT)


def test_a_damaged_token_and_one_of_another_tenant_are_refused() -> None:
    text = token(stored())
    for damaged in (text[:-1], text[:-4], text + "AAAA", text[:5] + ("A" if text[5] != "A" else "B") + text[6:]):
        with pytest.raises(MalformedWriteToken):
            read_tokens([damaged], TENANT)
    with pytest.raises(MalformedWriteToken):
        read_tokens([text], TenantId(uuid4()))


def test_a_token_of_a_newer_release_is_accepted() -> None:
    assert read_tokens(["Ag" + token(stored())[2:]], TENANT) is None


def test_more_events_than_one_token_may_name_are_refused() -> None:
    half = [token(*(stored() for _ in range(MAX_EVENTS // 2 + 1))) for _ in range(2)]
    with pytest.raises(MalformedWriteToken, match="more than 32 events"):
        read_tokens(half, TENANT)


def test_a_response_names_writes_to_a_caller_of_their_tenant_only_and_not_where_they_are_hidden() -> None:
    writes, written = Writes(), stored()
    writes.add([written])
    with bound_writes(writes):
        assert writes.token() is None
        show_writes_to(TENANT)
        assert writes.token() == token(written)
        assert writes.token([other := stored()]) == token(written, other)
        hide_writes()
        assert writes.token() is None
        show_writes_to(TenantId(uuid4()))
        assert writes.token() is None
