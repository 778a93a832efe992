"""Everything that must hold before a schema change may be merged."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from waypost.schemas.classes import generate
from waypost.schemas.compatibility import incompatibilities
from waypost.schemas.lint import lint
from waypost.schemas.lock import LOCK, LockedSchema, locked, read_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.samples import unreadable_samples
from waypost.schemas.sources import SchemaSource, read_sources
from waypost.schemas.topics import topic_names


def refusals(sources: Sequence[SchemaSource], root: Path) -> Iterator[SchemaProblem]:
    """Why these sources may not be locked."""
    yield from lint(sources, topic_names(root))
    yield from incompatibilities(sources)


def check(root: Path) -> Iterator[SchemaProblem]:
    """Everything wrong under `root`: sources, lock, generated modules, samples. One cause gives one
    finding.
    """
    sources, lock = read_sources(root), read_lock(root)
    found = tuple(refusals(sources, root))
    damaged = dict(_damaged_lines(sources, lock))
    yield from found
    yield from _ids(lock)
    yield from damaged.values()
    yield from _unlocked(sources, lock)
    # A changed file fails its sample and its class as well: these follow from the cause that is
    # named already.
    yield from unreadable_samples(sources, [line for line in lock if line not in damaged], root)
    if not found and not damaged:
        yield from _stale_modules(root)


def _ids(lock: Sequence[LockedSchema]) -> Iterator[SchemaProblem]:
    if [line.id for line in lock] != list(range(1, len(lock) + 1)):
        yield SchemaProblem(
            LOCK,
            "ids are not 1, 2, 3 … in order",
            "they are in every stored event",
            "restore it from version control",
        )


def _damaged_lines(
    sources: Sequence[SchemaSource], lock: Sequence[LockedSchema]
) -> Iterator[tuple[LockedSchema, SchemaProblem]]:
    by_key = {(source.event_type, source.version): source for source in sources}
    for line in lock:
        source = by_key.get((line.type, line.version))
        if source is None:
            yield (
                line,
                SchemaProblem(
                    line.file, "the locked file is gone", "events written with it are read for ever", "restore it"
                ),
            )
        elif locked(line.id, source) != line:
            yield (
                line,
                SchemaProblem(
                    line.file,
                    "a published version was changed",
                    "events were written with it as it was",
                    "restore it and add the next version; if its lock entry was never committed, take that back with"
                    f" `waypost schemas unlock {line.type} {line.version}`",
                ),
            )


def _unlocked(sources: Sequence[SchemaSource], lock: Sequence[LockedSchema]) -> Iterator[SchemaProblem]:
    known = {(line.type, line.version) for line in lock}
    for source in sources:
        if (source.event_type, source.version) not in known:
            yield SchemaProblem(
                source.label, "it has no schema id", "the codec finds schemas by id", "run `waypost schemas lock`"
            )


def _stale_modules(root: Path) -> Iterator[SchemaProblem]:
    for path, text in generate(root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield SchemaProblem(
                path.name,
                "it is not what the sources give",
                "code and schemas must agree",
                "run `waypost schemas generate`",
            )
