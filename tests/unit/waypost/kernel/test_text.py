import json
import re
import unicodedata

import pytest

from tests.fixtures.names import HOSTILE_NAMES, HOSTILE_TEXTS
from waypost.kernel.text import is_one_line, is_storable, one_line, spreadsheet_cell, unlinked, visible

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


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_nothing_hidden_is_left_for_a_terminal(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert all(character.isprintable() or character in "\u200c\u200d" for character in shown)
    assert visible(shown) == shown
    assert json.loads(f'"{visible("a" + text.replace(chr(92), "").replace(chr(34), ""))}"') is not None


@pytest.mark.parametrize("name", HONEST_NAMES)
def test_a_name_of_any_script_is_shown_unchanged(name: str) -> None:
    assert visible(name) == name
    assert spreadsheet_cell(name) in (name, f"'{name}")


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_cell_is_never_a_formula(text: str) -> None:
    first = unicodedata.normalize("NFKC", spreadsheet_cell(text).lstrip(" "))[:1]
    assert first not in ("=", "+", "-", "@", "\t", "\r", "\n")


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_unlinked_text_looks_the_same_and_holds_no_link(text: str) -> None:
    plain = unlinked(one_line(text))
    assert plain.replace("\u2060", "") == one_line(text).replace("\u2060", "")
    assert unlinked(plain) == plain
    assert not re.search(r"[a-z]:/|[a-z0-9]\.[a-z]|\w@\w", plain, re.IGNORECASE)


@pytest.mark.parametrize("text", ["1,234.50 EUR", "09:00 UTC", "St. Mary", "9/12", "and/or"])
def test_amounts_and_times_are_not_changed(text: str) -> None:
    assert unlinked(text).replace("\u2060", "") == text
    assert ("\u2060" in unlinked(text)) is (text == "and/or")
