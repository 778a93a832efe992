import pytest

from tests.fixtures.names import HOSTILE_NAMES
from waypost.kernel.text import is_one_line, is_storable, one_line

HONEST_NAMES = [
    "Ada Lovelace",
    'Ada "Countess", Lovelace (née Byron) <ada@example.com>',
    "Grüße & Söhne",
    "日本電気株式会社",
    "עדה לאבלייס",
    "آدا لاولیس",
    "می\u200cخواهم",  # Persian takes the zero-width non-joiner within words
    "👩\u200d💻",
    "e\u0301",
    "=? is the question",
]


@pytest.mark.parametrize("name", HONEST_NAMES[:-1])
def test_a_name_of_any_script_is_one_line(name: str) -> None:
    assert is_one_line(name)
    assert one_line(name) == name


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_name_that_tries_to_be_more_is_refused(name: str) -> None:
    assert not is_one_line(name)


def test_an_encoded_word_is_refused_by_its_beginning() -> None:
    assert not is_one_line(HONEST_NAMES[-1])


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_what_was_stored_becomes_one_storable_line(name: str) -> None:
    line = one_line(name)
    assert is_storable(line)
    assert len(line.splitlines()) <= 1
    assert line == "" or "=?" in line or is_one_line(line)
    assert one_line(line) == line
