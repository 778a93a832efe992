"""UUIDs from text: the fast reader equals the standard library's."""

import copy
import pickle
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from waypost.kernel.uuid_text import uuid_of

HEXADECIMAL = st.text("0123456789abcdefABCDEF", min_size=31, max_size=33)
FORMS = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda each: each.hex.upper()),
    st.uuids().map(lambda each: f"{{{each}}}"),
    st.uuids().map(lambda each: each.urn),
    HEXADECIMAL,
    st.text("0123456789abcdef-_{} ٣é\0", min_size=30, max_size=42),
    st.text(max_size=50),
)


def outcome(read: type[UUID] | object, text: str) -> UUID | None:
    assert callable(read)
    try:
        result: UUID = read(text)
    except ValueError:
        return None
    return result


@given(text=FORMS)
def test_each_text_is_read_or_refused_as_by_the_standard_library(text: str) -> None:
    assert outcome(uuid_of, text) == outcome(UUID, text)


def test_an_id_from_text_is_like_any_other() -> None:
    other = uuid4()
    read = uuid_of(str(other))
    assert isinstance(read, UUID)
    assert (str(read), repr(read), read.int, read.bytes) == (str(other), repr(other), other.int, other.bytes)
    assert {read: 1}[other] == 1 and sorted([read, UUID(int=0)]) == [UUID(int=0), other]
    assert pickle.loads(pickle.dumps(read)) == copy.deepcopy(read) == other  # noqa: S301 - our own bytes
