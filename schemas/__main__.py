"""`python -m schemas <verb>`: the work around the sources. Exits 1 with what is wrong, why, and what to do."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.generate import generate
from schemas.lock import append_to_lock
from schemas.problems import SchemaProblem
from schemas.sources import ROOT, read_sources


def write_modules(root: Path) -> str:
    modules = generate(root)
    for path, text in modules.items():
        path.write_text(text, encoding="utf-8")
    return f"wrote {', '.join(path.name for path in modules)}"


def lock_new_versions(root: Path) -> str:
    new = append_to_lock(read_sources(root), root)
    return "\n".join(f"{line.id}  {line.subject}  version {line.version}" for line in new) or "nothing new to lock"


VERBS = {"generate": write_modules, "lock": lock_new_versions}


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python -m schemas", description="Keeps the event schemas.")
    parser.add_argument("verb", choices=VERBS)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(VERBS[options.verb](root) + "\n")
    except SchemaProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
