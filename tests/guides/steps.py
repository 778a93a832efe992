"""A guide as steps. Every block of a guide is executed:

| in the guide | step |
|---|---|
| a line `path/of/file`, then a fence ```diff | edits the file: each hunk must match exactly once |
| a line `path/of/file`, then another fence | creates or replaces the file |
| a fence ```sh | runs each line |
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"(?:^`(?P<path>[^`\n]+)`\n+)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL
)


class NotFollowable(AssertionError):
    """A step of a guide that cannot be executed."""


@dataclass(frozen=True, slots=True)
class Make:
    path: str
    text: str

    def __str__(self) -> str:
        return f"make {self.path}"


@dataclass(frozen=True, slots=True)
class Edit:
    path: str
    diff: str

    def __str__(self) -> str:
        return f"edit {self.path}"

    def apply_to(self, text: str) -> str:
        """Raises NotFollowable if the file does not match the diff."""
        for hunk in re.split(r"^@@\n", self.diff, flags=re.MULTILINE):
            before, after = _side(hunk, "-"), _side(hunk, "+")
            if text.count(before) != 1:
                raise NotFollowable(f"{self.path} has {text.count(before)} places that read\n{before}")
            text = text.replace(before, after)
        return text


@dataclass(frozen=True, slots=True)
class Run:
    command: str

    def __str__(self) -> str:
        return f"run {self.command}"


Step = Make | Edit | Run


def steps_of(page: str) -> list[Step]:
    """Steps in the order of the page. Raises NotFollowable for a block of another kind."""
    return [step for fence in _FENCE.finditer(page) for step in _steps(**fence.groupdict())]


def _steps(path: str | None, kind: str, text: str) -> Iterator[Step]:
    if kind == "sh" and path is None:
        yield from (Run(line) for line in text.splitlines() if not line.startswith("#"))
    elif path is None:
        raise NotFollowable(f"a block of {kind} names no file:\n{text}")
    else:
        yield Edit(path, text) if kind == "diff" else Make(path, text)


def _side(hunk: str, sign: str) -> str:
    """The hunk's lines before (-) or after (+) the edit."""
    return "".join(line[1:] or "\n" for line in hunk.splitlines(keepends=True) if line[0] in (" ", sign, "\n"))
