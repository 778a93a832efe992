"""Opaque tokens, addresses, and derived ids."""

import contextlib
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.users.adapters.tenant_ids import KeyedTenantIds
from services.users.domain import NotAnEmailAddress, OpaqueToken, email_address
from waypost.kernel.ids import TenantId

TENANT = TenantId(uuid4())


@given(st.uuids(), st.binary(min_size=32, max_size=32))
def test_a_token_carries_its_tenant(tenant: TenantId, secret: bytes) -> None:
    token = OpaqueToken.of(tenant, secret)
    assert OpaqueToken.parse(token.text) == token
    assert len(token.text) == 64


@given(st.text(max_size=100))
def test_other_text_parses_as_no_token_without_an_error(text: str) -> None:
    parsed = OpaqueToken.parse(text)
    assert parsed is None or len(text) == 64


def test_a_token_is_hidden_in_its_representation() -> None:
    token = OpaqueToken.of(TENANT, b"x" * 32)
    assert token.text not in repr(token)
    with pytest.raises(ValueError, match="32 random bytes"):
        OpaqueToken.of(TENANT, b"short")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada+books@example.com", "ada+books@example.com"),
        ("ada@engines.test", "ada@engines.test"),
        ("Ä@example.com", "ä@example.com"),
        ("a\u0308@example.com", "ä@example.com"),
    ],
)
def test_an_address_has_one_spelling(typed: str, stored: str) -> None:
    assert email_address(typed) == stored
    assert email_address(stored) == stored


@pytest.mark.parametrize(
    "text", ["", "ada", "ada@", "@example.com", "a b@example.com", "a@b@example.com", "a@localhost", "a\n@b.de"]
)
def test_an_undeliverable_address_is_refused(text: str) -> None:
    with pytest.raises(NotAnEmailAddress):
        email_address(text)


@given(st.one_of(st.emails(), st.text(max_size=20).map("{}@Example.com".format), st.text(max_size=300)))
def test_normalizing_an_address_is_idempotent(text: str) -> None:
    with contextlib.suppress(NotAnEmailAddress):
        stored = email_address(text)
        assert email_address(stored) == stored


def test_an_idempotency_key_gives_one_unpredictable_tenant_id() -> None:
    here, there = KeyedTenantIds(b"k" * 32), KeyedTenantIds(b"another secret key")
    ada, eve = "ada@example.com", "eve@example.com"
    assert here.derived("a-key", ada) == here.derived("a-key", ada)
    others = {here.derived("b-key", ada), there.derived("a-key", ada), here.derived("a-key", eve)}
    assert len({here.derived("a-key", ada), *others}) == 4
    assert here.derived("a-key", ada).version == 8
