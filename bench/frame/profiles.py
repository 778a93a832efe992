"""Profiles of our arms: the stored figures, and the section of the document."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench.frame.results import FOLDER, Entry
from infra.reference.markdown import table
from infra.stack.places import CHECKOUT

PICTURES = CHECKOUT / "docs" / "pictures"

NOW, BEFORE = FOLDER / "profiles.json", FOLDER / "profiles-before.json"
SHOWN = 18
PREPARATION = "prepare (bench/"
WHOLE = 0.99
"""A function with this share of the time says nothing."""
Stack = tuple[str, ...]
"""Frames from the outermost to the innermost, each `function (package/module.py:line)`."""
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)$")


def read(file: Path = NOW) -> dict[str, Entry]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def store(name: str, entry: Entry, *, before: bool) -> None:
    file = BEFORE if before else NOW
    file.write_text(json.dumps(dict(sorted({**read(file), name: entry}.items())), indent=2) + "\n")


def picture_of(name: str, *, before: bool) -> Path:
    return PICTURES / f"flame-{name}{'-before' if before else ''}.svg"


def parsed(folded: str) -> Counter[Stack]:
    """The samples of each stack: `outermost;…;innermost COUNT` in each line. A function `prepare`
    of an arm does not count.
    """
    stacks = Counter[Stack]()
    for line in folded.splitlines():
        frames, _, samples = line.rpartition(" ")
        if PREPARATION not in frames:
            stacks[tuple(_without_line(frame) for frame in frames.split(";"))] += int(samples)
    return stacks


def _without_line(frame: str) -> str:
    found = _FRAME.match(frame)
    return f"{found['function']} ({found['file']})" if found else frame


def summary(stacks: Mapping[Stack, int], cpu_us: float) -> Entry:
    """Microseconds per unit: by the package of the innermost frame, and within each of our
    functions with the functions that it calls.
    """
    per_sample = cpu_us / sum(stacks.values())
    packages, functions = Counter[str](), Counter[str]()
    for stack, samples in stacks.items():
        packages[package_of(stack[-1])] += samples
        functions.update(dict.fromkeys({frame for frame in stack if is_ours(frame)}, samples))
    most = sum(stacks.values()) * WHOLE
    partial = [(name, count) for name, count in functions.most_common() if count < most]
    return {
        "cpu_us": float(f"{cpu_us:.4g}"),
        "samples": sum(stacks.values()),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "packages": {name: float(f"{count * per_sample:.3g}") for name, count in packages.most_common(SHOWN)},
        "functions": {name: float(f"{count * per_sample:.3g}") for name, count in partial[: 2 * SHOWN]},
    }


def package_of(frame: str) -> str:
    """`sqlalchemy`, or `waypost.postgres` for our own."""
    if not frame:
        return "event loop, no Python function"
    found = _FRAME.match(frame)
    if found and found["file"] == "<string>":
        return "dataclasses, generated functions"
    parts = found["file"].removesuffix(".py").removeprefix("<frozen ").rstrip(">").split("/") if found else [frame]
    if parts[0] in ("waypost", "services"):
        return ".".join(parts[:2])
    return parts[0] if len(parts) > 1 else f"{parts[0]} (standard library)"


def is_ours(frame: str) -> bool:
    found = _FRAME.match(frame)
    return found is not None and found["file"].startswith(("waypost/", "services/"))


def section_of(name: str, entry: Entry, before: Entry | None) -> str:
    """The packages beside those of an earlier profile, our functions, and the flame graphs."""
    earlier: Entry = before["packages"] if before else {}
    packages = [
        (package, _us(spent), f"{spent / entry['cpu_us']:.0%}", *([_us(earlier.get(package, 0))] if before else []))
        for package, spent in entry["packages"].items()
    ]
    header = ("package", "µs", "share", *(["µs before"] if before else []))
    ours = [(f"`{function}`", _us(spent)) for function, spent in entry["functions"].items()]
    compared = f"; {_us(before['cpu_us'])} µs before ({before['date']})" if before else ""
    parts = [
        f"### {name}\n\n{_us(entry['cpu_us'])} µs of CPU per {entry['unit']} ({entry['date']}){compared}.",
        table(header, packages),
        "Our functions, each with everything that it calls:",
        table(("function", "µs"), ours),
        f"![Flame graph of {name}](pictures/{picture_of(name, before=False).name})",
    ]
    if before:
        parts.append(f"Before:\n\n![Flame graph of {name}, before](pictures/{picture_of(name, before=True).name})")
    return "\n\n".join(parts)


def _us(microseconds: float) -> str:
    return f"{microseconds:,.3g}" if microseconds < 100 else f"{microseconds:,.0f}"
