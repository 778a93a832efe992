"""A linear sequence of migrations: one Alembic script folder with its own version table.

A process checks at start if migrations are pending. It parses the files' text, because importing
Alembic takes half a second.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from waypost.kernel.errors import Misconfigured
from waypost.project import project

SERVICE = "waypost_service"
"""Key of the service's name among the options of Alembic's migration context."""

_REVISION = re.compile(r"""^revision(?:\s*:[^=]+)?\s*=\s*["']([^"']+)["']""", re.MULTILINE)
_DOWN_REVISION = re.compile(r"""^down_revision(?:\s*:[^=]+)?\s*=\s*(?:["']([^"']+)["']|None)""", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class MigrationLine:
    """The migrations of one owner of tables, from the first to the newest."""

    owner: str
    """`waypost`, or the name of the service."""
    folder: Path
    """It contains `versions/*.py`."""
    version_table: str

    @cached_property
    def revisions(self) -> Sequence[str]:
        """The revisions, oldest first. Raises Misconfigured if the files are not a linear
        sequence.
        """
        after = self._files()
        following = {down: revision for revision, (down, _) in after.items()}
        ordered: list[str] = []
        while (revision := following.get(ordered[-1] if ordered else None)) is not None:
            ordered.append(revision)
        if len(ordered) != len(after):
            names = ", ".join(file.name for revision, (_, file) in after.items() if revision not in ordered)
            raise Misconfigured(
                f"the migrations in {self.folder / 'versions'} are not a linear sequence: {names} cannot be reached."
                "  Set down_revision of each file to the revision of the previous file"
            )
        return ordered

    def pending(self, current: str | None) -> Sequence[str]:
        """The revisions that a database at `current` lacks. None if a newer release migrated it."""
        if current is None:
            return self.revisions
        return self.revisions[self.revisions.index(current) + 1 :] if self.knows(current) else ()

    def knows(self, current: str | None) -> bool:
        """True if `current` is one of these revisions, or None. False if a newer release migrated
        the database.
        """
        return current is None or current in self.revisions

    def _files(self) -> Mapping[str, tuple[str | None, Path]]:
        """The previous revision and the file of each revision. Raises Misconfigured for a revision
        that two files have.
        """
        files: dict[str, tuple[str | None, Path]] = {}
        for file in sorted((self.folder / "versions").glob("*.py")):
            revision, down = self._read(file)
            if revision in files:
                raise Misconfigured(
                    f"{files[revision][1].name} and {file.name} both have revision {revision} in"
                    f" {self.folder / 'versions'}: only one of them would run. Give the newer file the next revision,"
                    f" and set its down_revision to {revision}"
                )
            files[revision] = (down, file)
        return files

    def _read(self, file: Path) -> tuple[str, str | None]:
        text = file.read_text(encoding="utf-8")
        revision, down = _REVISION.search(text), _DOWN_REVISION.search(text)
        if revision is None or down is None:
            raise Misconfigured(
                f'{file} needs `revision = "..."` and `down_revision = "..."` (or None), each on its own line'
            )
        return revision[1], down[1]


TOOLKIT = MigrationLine(owner="waypost", folder=Path(__file__).parent / "migrations", version_table="waypost_version")


def service_line(service: str) -> MigrationLine:
    """The migrations of a service of this project."""
    return MigrationLine(
        owner=service, folder=project().services_folder / service / "migrations", version_table="alembic_version"
    )
