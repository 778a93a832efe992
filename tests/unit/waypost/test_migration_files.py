"""The order of a service's migrations is read from their files."""

from pathlib import Path

import pytest

from waypost.kernel.errors import Misconfigured
from waypost.postgres.revisions import MigrationLine


def test_two_files_with_one_revision_are_refused_with_both_names(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    for name in ("0001_first.py", "0001_other.py"):
        (versions / name).write_text('revision = "0001"\ndown_revision = None\n')
    line = MigrationLine(owner="club", folder=tmp_path, version_table="alembic_version")
    with pytest.raises(Misconfigured, match=r"0001_first\.py and 0001_other\.py both have revision 0001"):
        _ = line.revisions
