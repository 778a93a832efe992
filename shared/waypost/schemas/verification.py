"""All checks of a schema change."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from waypost.schemas.classes import generate
from waypost.schemas.compatibility import incompatibilities
from waypost.schemas.lint import lint
from waypost.schemas.lock import LockedSchema, locked, read_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.samples import unreadable_samples
from waypost.schemas.sources import SchemaSource, read_sources
from waypost.schemas.topics import topic_names


def refusals(sources: Sequence[SchemaSource], root: Path) -> Iterator[SchemaProblem]:
    """The problems that prevent these sources from being locked."""
    yield from lint(sources, topic_names(root))
    yield from incompatibilities(sources)


def check(root: Path) -> Iterator[SchemaProblem]:
    """All problems under `root`: sources, lock, generated modules, samples. One cause yields one
    finding. Raises SchemaProblem for a file that cannot be read.
    """
    sources, lock = read_sources(root), read_lock(root)
    problems = tuple(refusals(sources, root))
    damaged = dict(_damaged_lines(sources, lock))
    yield from problems
    yield from damaged.values()
    yield from _unlocked(sources, lock)
    # A changed file also breaks its sample and its class. These findings would repeat the reported
    # cause.
    yield from unreadable_samples(sources, [line for line in lock if line not in damaged], root)
    if not problems and not damaged:
        yield from _stale_modules(root)


def _damaged_lines(
    sources: Sequence[SchemaSource], lock: Sequence[LockedSchema]
) -> Iterator[tuple[LockedSchema, SchemaProblem]]:
    by_key = {(source.event_type, source.version): source for source in sources}
    for line in lock:
        source = by_key.get((line.type, line.version))
        if source is None:
            yield (
                line,
                SchemaProblem(line.file, "the locked file is missing", "stored events need it", "restore it"),
            )
        elif locked(line.id, source) != line:
            yield (
                line,
                SchemaProblem(
                    line.file,
                    "a published version was changed",
                    "stored events have the published form",
                    "restore it and add the next version; if its lock entry is not committed, remove the entry with"
                    f" `waypost schemas unlock {line.type} {line.version}`",
                ),
            )


def _unlocked(sources: Sequence[SchemaSource], lock: Sequence[LockedSchema]) -> Iterator[SchemaProblem]:
    known = {(line.type, line.version) for line in lock}
    for source in sources:
        if (source.event_type, source.version) not in known:
            yield SchemaProblem(
                source.label,
                "the version has no schema id",
                "the codec finds schemas by id",
                "run `waypost schemas lock`",
            )


def _stale_modules(root: Path) -> Iterator[SchemaProblem]:
    for path, text in generate(root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield SchemaProblem(
                path.name,
                "the module differs from the sources",
                "code and schemas must agree",
                "run `waypost schemas generate`",
            )
