"""The identity of a record differs for every other record."""

import pytest

from waypost.engine.consumer.record_identity import identity_of, is_before
from waypost.kernel.envelope import Record

RECORD = Record("users.user", 0, 7, 1_700_000_000_000, b"key", b"value", [("ce_id", b"1"), ("x", b"")])


def test_equal_records_have_equal_identities() -> None:
    copy = RECORD._replace(headers=tuple(RECORD.headers))
    assert identity_of(copy) == identity_of(RECORD)


@pytest.mark.parametrize(
    "other",
    [
        RECORD._replace(offset=8),
        RECORD._replace(timestamp_ms=1_700_000_000_001),
        RECORD._replace(key=None),
        RECORD._replace(key=b"keyv", value=b"alue"),
        RECORD._replace(value=None),
        RECORD._replace(value=b""),
        RECORD._replace(headers=[("ce_id", b"1")]),
        RECORD._replace(headers=[("x", b""), ("ce_id", b"1")]),
        RECORD._replace(headers=[("ce_id", b"2"), ("x", b"")]),
    ],
)
def test_other_records_have_other_identities(other: Record) -> None:
    assert identity_of(other) != identity_of(RECORD)


def test_identity_belongs_to_one_position() -> None:
    identity = identity_of(RECORD)
    assert is_before(identity, 8)
    assert not is_before(identity, 7)
    assert not is_before(identity, 0)
    assert not is_before(None, 8)
