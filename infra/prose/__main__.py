"""`python -m infra.prose [PATH …]`: prints each use of a listed word with its replacement. Exits 1
if there are any.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.prose.passages import passages_in, tracked_files
from infra.prose.words import Match, Word, matches, read_words
from infra.stack.places import CHECKOUT


def main(arguments: Sequence[str]) -> int:
    words = read_words()
    found = 0
    for file in tracked_files(CHECKOUT, arguments):
        for match in matches_in(file, words):
            found += 1
            print(f"{file.relative_to(CHECKOUT)}:{match.line}: {match.text!r}: use {match.word.use}")
    print(f"{found} uses of listed words" if found else "The word list has no match.")
    return 1 if found else 0


def matches_in(file: Path, words: Sequence[Word]) -> Iterator[Match]:
    yield from matches(list(passages_in(file)), words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
