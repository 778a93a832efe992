"""All that must hold before a schema change may land."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from waypost.schemas.compatibility import incompatibilities
from waypost.schemas.generate import generate
from waypost.schemas.lint import lint
from waypost.schemas.lock import LockedSchema, read_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.samples import unreadable_samples
from waypost.schemas.sources import SchemaSource, read_sources


def refusals(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    """Why these sources may not be locked."""
    yield from lint(sources)
    yield from incompatibilities(sources)


def check(root: Path) -> Iterator[SchemaProblem]:
    """Everything wrong under `root`: sources, lock, generated modules, samples."""
    sources, lock = read_sources(root), read_lock(root)
    found = tuple(refusals(sources))
    yield from found
    yield from _broken_lock(sources, lock)
    yield from unreadable_samples(sources, lock, root)
    if not found:  # a source with a type we do not know has no class to compare with
        yield from _stale_modules(root)


def _broken_lock(sources: Sequence[SchemaSource], lock: Sequence[LockedSchema]) -> Iterator[SchemaProblem]:
    where = "registry.lock.json"
    if [line.id for line in lock] != list(range(1, len(lock) + 1)):
        yield SchemaProblem(
            where, "ids are not 1, 2, 3 … in order", "they are in every stored event", "restore it from version control"
        )
    unlocked = {(source.event_type, source.version): source for source in sources}
    for line in lock:
        source = unlocked.pop((line.type, line.version), None)
        if source is None:
            yield SchemaProblem(
                line.file, "the locked file is gone", "events written with it are read for ever", "restore it"
            )
        elif (source.fingerprint, source.digest, source.subject, source.label) != (
            line.fingerprint,
            line.digest,
            line.subject,
            line.file,
        ):
            yield SchemaProblem(
                line.file,
                "a published version was changed",
                "events were written with it as it was",
                "restore it and add the next version",
            )
    for source in unlocked.values():
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
