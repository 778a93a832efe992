"""A planted bug, stored as a patch: its description, the checks that must find it, and the
change.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "bugs"
FOUND_BY = "Found-by: "


class DoesNotApply(AssertionError):
    """The code has changed under a patch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    file: Path
    what: str
    found_by: Sequence[str]
    """Tests as pytest arguments; the first failure finds the bug."""

    @property
    def name(self) -> str:
        return self.file.stem

    def put_in(self, checkout: Path) -> None:
        """Raises DoesNotApply with the remedy."""
        self._apply(checkout)

    def take_out(self, checkout: Path) -> None:
        self._apply(checkout, "--reverse")

    def fits(self, checkout: Path) -> None:
        """Changes nothing. Raises DoesNotApply."""
        self._apply(checkout, "--check")

    def _apply(self, checkout: Path, *options: str) -> None:
        # Without the variable, git treats a copy below another checkout as a part of that one, and
        # applies nothing.
        environment = {"GIT_CEILING_DIRECTORIES": str(checkout.parent), "PATH": "/usr/bin:/bin:/usr/local/bin"}
        command = ["git", "apply", *options, str(self.file)]
        applied = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, env=environment)
        if applied.returncode:
            raise DoesNotApply(f"{self.name} does not apply to the current code; recreate the patch:\n{applied.stderr}")


def all_bugs() -> Sequence[Bug]:
    return [_read(file) for file in sorted(FOLDER.glob("*.patch"))]


def _read(file: Path) -> Bug:
    head = file.read_text().partition("\n--- ")[0].strip().splitlines()
    found_by = [line.removeprefix(FOUND_BY) for line in head if line.startswith(FOUND_BY)]
    return Bug(file=file, what=head[0], found_by=found_by)
