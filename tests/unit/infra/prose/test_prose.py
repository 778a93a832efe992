"""The word list and the passages that it is applied to."""

from pathlib import Path

import pytest

from infra.prose import __main__ as prose
from infra.prose.passages import passages_in
from infra.prose.words import Word, read_words

WORDS = read_words()
LISTED = "some" + "body"
"""A listed word, in two parts so that this file has no match."""
PYTHON = '''"""A module.

Second line.
"""
# a comment
NAME = "a string literal"
KEY = "identifier"


def test_relay_waits() -> None:
    """Reads `code` only."""
'''
MARKDOWN = """# Title

Text with `name` as code.

```sh
echo name
```
- an item
"""


def passages(folder: Path, name: str, text: str) -> dict[int, str]:
    file = folder / name
    file.write_text(text)
    return {passage.line: passage.text for passage in passages_in(file) if passage.text}


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.pattern.pattern)
def test_word_has_a_replacement_and_matches_no_empty_text(word: Word) -> None:
    assert word.use.strip()
    assert not word.pattern.search("")


def test_python_passages_are_docstrings_comments_strings_and_test_names(tmp_path: Path) -> None:
    assert passages(tmp_path, "module.py", PYTHON) == {
        1: "A module.",
        3: "Second line.",
        5: "a comment",
        6: "a string literal",
        10: "relay waits",
        11: "Reads `…` only.",
    }


def test_markdown_passages_exclude_code(tmp_path: Path) -> None:
    assert passages(tmp_path, "page.md", MARKDOWN) == {1: "Title", 3: "Text with `…` as code.", 8: "an item"}


def test_other_files_have_comments_as_passages(tmp_path: Path) -> None:
    assert passages(tmp_path, "file.yaml", "key: value\n# a comment\n") == {2: "a comment"}


def test_match_is_printed_with_its_line_and_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "page.md"
    file.write_text(f"Fine.\n\n{LISTED} waits.\n")
    monkeypatch.setattr(prose, "CHECKOUT", tmp_path)
    monkeypatch.setattr(prose, "tracked_files", lambda root, paths: [file])
    assert prose.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"page.md:3: {LISTED!r}: use name the actor: a user, another process, no caller",
        "1 uses of listed words",
    ]


def test_plain_text_has_no_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "page.md"
    file.write_text("The relay publishes each row.\n")
    monkeypatch.setattr(prose, "CHECKOUT", tmp_path)
    monkeypatch.setattr(prose, "tracked_files", lambda root, paths: [file])
    assert prose.main([]) == 0
    assert capsys.readouterr().out == "The word list has no match.\n"
