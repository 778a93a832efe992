import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.schemas.folder import SchemaFolder
from waypost.project import configure, project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SchemaFolder]:
    root = tmp_path / "schemas"
    shutil.copytree(project().schemas_folder, root, ignore=shutil.ignore_patterns("__pycache__"))
    yield SchemaFolder(root, monkeypatch)
    configure(None)
