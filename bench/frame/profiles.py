"""Profiles of our arms: the stored figures, and the section of the document."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from bench.frame.results import FOLDER, Entry
from infra.reference.markdown import table

FILE = FOLDER / "profiles.json"
SHOWN = 18
Stack = tuple[str, ...]
"""Frames from the outermost to the innermost, each `function (package/module.py:line)`."""
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)$")


def read() -> dict[str, Entry]:
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {}


def store(name: str, entry: Entry) -> None:
    FILE.write_text(json.dumps({**read(), name: entry}, indent=2) + "\n")


def parsed(folded: str) -> Counter[Stack]:
    """The samples of each stack, from py-spy's raw format."""
    stacks = Counter[Stack]()
    for line in folded.splitlines():
        frames, _, samples = line.rpartition(" ")
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
    return {
        "cpu_us": round(cpu_us),
        "packages": {name: round(count * per_sample) for name, count in packages.most_common(SHOWN)},
        "functions": {name: round(count * per_sample) for name, count in functions.most_common(2 * SHOWN)},
    }


def package_of(frame: str) -> str:
    """`sqlalchemy`, or `waypost.postgres` for our own."""
    if not frame:
        return "event loop, no Python function"
    found = _FRAME.match(frame)
    parts = found["file"].removesuffix(".py").split("/") if found else [frame]
    if parts[0] in ("waypost", "services"):
        return ".".join(parts[:2])
    return parts[0] if len(parts) > 1 else f"{parts[0]} (standard library)"


def is_ours(frame: str) -> bool:
    found = _FRAME.match(frame)
    return found is not None and found["file"].startswith(("waypost/", "services/"))


def section_of(name: str, unit: str, entry: Entry) -> str:
    lines: Sequence[Sequence[str]] = [
        (package, f"{spent:,}", f"{spent / entry['cpu_us']:.0%}") for package, spent in entry["packages"].items()
    ]
    ours = [(function, f"{spent:,}") for function, spent in entry["functions"].items()]
    return "\n\n".join(
        [
            f"**{name}**: {entry['cpu_us']:,} µs of CPU per {unit}, by the package whose Python function runs.\n"
            "Time in C extensions counts for the Python function that calls them. SQLAlchemy executes\n"
            "statements in greenlets; py-spy shows their stacks apart from ours, and may count time of the\n"
            "event loop for the greenlet that ran last. So SQLAlchemy's share is an upper bound.",
            table(("package", "µs", "share"), lines),
            "Our functions, each with everything that it calls:",
            table(("function", "µs"), ours),
            f"![Flame graph of {name}](pictures/flame-{name}.svg)",
        ]
    )
