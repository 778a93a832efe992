"""A guide as steps. What a reader types is what is read here: nothing in a guide is decoration.

| in the guide                                       | step                                                              |
|----------------------------------------------------|-------------------------------------------------------------------|
| a line `path/of/file`, then a fence ```diff        | edits that file: each hunk is found by its own text, exactly once |
| a line `path/of/file`, then a fence of another kind | makes that file, or replaces it                                   |
| a fence ```sh                                       | runs each line                                                    |
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"(?:^`(?P<path>[^`\n]+)`\n+)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL
)


class NotFollowable(AssertionError):
    """A guide says something that cannot be done."""


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
        """Raises NotFollowable where the file does not read as the diff says."""
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
    """In the order of the page. Raises NotFollowable for a block that is none of the three."""
    return [step for fence in _FENCE.finditer(page) for step in _steps(**fence.groupdict())]


def _steps(path: str | None, kind: str, text: str) -> Iterator[Step]:
    if kind == "sh" and path is None:
        yield from (Run(line) for line in text.splitlines() if not line.startswith("#"))
    elif path is None:
        raise NotFollowable(f"a block of {kind} names no file:\n{text}")
    else:
        yield Edit(path, text) if kind == "diff" else Make(path, text)


def _side(hunk: str, sign: str) -> str:
    """The hunk's lines as they are before (-) or after (+) the edit."""
    return "".join(line[1:] or "\n" for line in hunk.splitlines(keepends=True) if line[0] in (" ", sign, "\n"))
