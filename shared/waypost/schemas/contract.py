"""Writes what follows from the sources: lock entries, samples and event classes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from waypost.schemas.classes import generate
from waypost.schemas.lock import LockedSchema, append_to_lock, read_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.samples import write_sample
from waypost.schemas.sources import read_sources
from waypost.schemas.verification import refusals


def lock_new_versions(root: Path) -> Sequence[LockedSchema]:
    """Assigns an id and a sample to each version without one; returns the new lock entries. Raises
    SchemaProblem for a damaged lock, and an ExceptionGroup of SchemaProblems.
    """
    read_lock(root)
    sources = read_sources(root)
    refuse(refusals(sources, root))
    new = append_to_lock(sources, root)
    by_label = {source.label: source for source in sources}
    for line in new:
        write_sample(by_label[line.file], line, root)
    return new


def write_classes(root: Path) -> Sequence[Path]:
    """Writes the event classes of every service, and the catalogue. Raises SchemaProblem for a
    damaged lock, and an ExceptionGroup of SchemaProblems.
    """
    read_lock(root)
    refuse(refusals(read_sources(root), root))
    modules = generate(root)
    for path, text in modules.items():
        path.write_text(text, encoding="utf-8")
    return list(modules)


def refuse(problems: Iterable[SchemaProblem]) -> None:
    if found := tuple(problems):
        raise ExceptionGroup("the schema check found problems", found)
