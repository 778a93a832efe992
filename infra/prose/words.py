"""Reads `words.yaml` and finds passages that use its words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.prose.passages import Passage

FILE = Path(__file__).with_name("words.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    pattern: re.Pattern[str]
    use: str
    """The plain replacement, printed for the author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    line: int
    text: str
    word: Word


def read_words(file: Path = FILE) -> Sequence[Word]:
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [
        Word(pattern=re.compile(entry["pattern"], re.IGNORECASE | re.MULTILINE), use=entry["use"]) for entry in entries
    ]


def matches(passages: Sequence[Passage], words: Sequence[Word]) -> Iterator[Match]:
    """One search per word over all passages finds the words to search for in each passage."""
    together = "\n".join(passage.text for passage in passages)
    present = [word for word in words if word.pattern.search(together)]
    for passage in passages if present else ():
        for word in present:
            for found in word.pattern.finditer(passage.text):
                yield Match(line=passage.line, text=found.group(0).strip(), word=word)
