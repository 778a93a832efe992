"""`waypost schemas <verb>`: the work around the sources. Exits 1 with what is wrong, why, and what to do."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from waypost.project import project
from waypost.schemas.check import check, refusals
from waypost.schemas.generate import generate
from waypost.schemas.lock import append_to_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.push import push
from waypost.schemas.samples import write_sample
from waypost.schemas.sources import read_sources


def write_modules(root: Path, _: argparse.Namespace) -> str:
    modules = generate(root)
    for path, text in modules.items():
        path.write_text(text, encoding="utf-8")
    return f"wrote {', '.join(path.name for path in modules)}"


def lock_new_versions(root: Path, _: argparse.Namespace) -> str:
    sources = read_sources(root)
    _require_none(refusals(sources))
    new = append_to_lock(sources, root)
    by_label = {source.label: source for source in sources}
    for line in new:
        write_sample(by_label[line.file], line, root)
    return "\n".join(f"{line.id}  {line.subject}  version {line.version}" for line in new) or "nothing new to lock"


def check_everything(root: Path, _: argparse.Namespace) -> str:
    _require_none(check(root))
    return f"{len(read_sources(root))} schemas in order"


def push_to_registry(root: Path, options: argparse.Namespace) -> str:
    return f"{push(options.url, root)} schemas registered under the ids of the lock"


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Runs one verb over the schemas under `root` and returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        answer = options.run(root or project().schemas_folder, options)
    except* SchemaProblem as found:
        sys.stderr.write("\n".join(str(problem) for problem in found.exceptions) + "\n")
        return_code = 1
    else:
        sys.stdout.write(f"{answer}\n")
        return_code = 0
    return return_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="waypost schemas", description="Keeps the event schemas.")
    verbs = parser.add_subparsers(required=True, metavar="verb")
    verbs.add_parser("generate", help="write the event classes of every service").set_defaults(run=write_modules)
    verbs.add_parser("lock", help="give new versions their schema ids and samples").set_defaults(run=lock_new_versions)
    verbs.add_parser("check", help="sources, lock, classes and samples agree").set_defaults(run=check_everything)
    pushing = verbs.add_parser("push", help="register all of them with a registry that speaks Confluent's API")
    pushing.add_argument("url")
    pushing.set_defaults(run=push_to_registry)
    return parser


def _require_none(problems: Iterable[SchemaProblem]) -> None:
    if found := tuple(problems):
        raise ExceptionGroup("the schemas are not in order", found)


if __name__ == "__main__":
    sys.exit(main())
