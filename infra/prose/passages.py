"""The prose of a file: comments, docstrings, string literals and names of tests in Python; the text
of Markdown; comments elsewhere.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".py", ".md", ".yml", ".yaml", ".toml", ".sh", ".html", ".avsc", ".patch", ".properties"}
IGNORED = (
    "infra/prose/words.yaml",
    "requirements",
    "schemas/avro/",
    "docs/reference/events.md",
    "tests/fixtures/asyncapi/",
)
"""The list itself, lock files, published schemas (immutable) with the page that is generated from
them, and a file of another project. `_GENERATED` marks the classes of the schemas.
"""
_GENERATED = "Generated from the schemas by `waypost schemas generate`"
_PYTHON = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | \bdef\ test_(?P<test>\w+)
      | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')""",
    re.VERBOSE | re.DOTALL,
)
"""A search from the start of a file never begins inside a string or a comment. Ten times as fast as
`tokenize`.
"""
_CODE_SPAN = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Passage:
    line: int
    """Line number of its first line, from 1."""
    text: str


def tracked_files(root: Path, paths: Sequence[str]) -> Iterator[Path]:
    """Files below `root`, or below the given paths, that git does not ignore. In a copy without
    git: files outside hidden folders.
    """
    for name in sorted(_listed_by_git(root, paths) or _listed_by_folder(root, paths)):
        file = root / name
        if file.suffix in SUFFIXES and not name.startswith(IGNORED) and file.is_file():
            yield file


def _listed_by_git(root: Path, paths: Sequence[str]) -> Sequence[str]:
    """Empty outside a git work tree."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *paths]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return list(filter(None, listed.stdout.split("\0"))) if listed.returncode == 0 else []


def _listed_by_folder(root: Path, paths: Sequence[str]) -> Iterator[str]:
    for start in [root / path for path in paths] or [root]:
        for file in start.rglob("*") if start.is_dir() else [start]:
            name = file.relative_to(root).as_posix()
            if not any(part.startswith(".") for part in name.split("/")[:-1]):
                yield name


def passages_in(file: Path) -> Iterator[Passage]:
    text = file.read_text(encoding="utf-8")
    if _GENERATED in text[:500] and file.parent.name == "schemas":
        return
    if file.suffix == ".py":
        yield from _of_python(text)
    elif file.suffix == ".md":
        yield from _of_markdown(text)
    else:
        yield from _of_comments(text)


def _of_python(text: str) -> Iterator[Passage]:
    number, counted = 1, 0
    for token in _PYTHON.finditer(text):
        number, counted = number + text.count("\n", counted, token.start()), token.start()
        comment, test, string = token.group("comment", "test", "string")
        if comment:
            yield Passage(number, comment.lstrip("# "))
        elif test:
            yield Passage(number, test.replace("_", " "))
        elif " " in string:
            for offset, line in enumerate(string.splitlines()):
                yield Passage(number + offset, _CODE_SPAN.sub("`…`", line.strip().strip("\"'")))


def _of_markdown(text: str) -> Iterator[Passage]:
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            code = not code
        elif not code:
            yield Passage(number, _CODE_SPAN.sub("`…`", line.lstrip("#|-* ")))


def _of_comments(text: str) -> Iterator[Passage]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("#", "<!--", "//")):
            yield Passage(number, line.lstrip("#/ <!-"))
