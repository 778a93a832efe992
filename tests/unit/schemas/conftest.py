import shutil
from pathlib import Path

import pytest

from schemas.sources import ROOT
from tests.unit.schemas.folder import SchemaFolder


@pytest.fixture
def folder(tmp_path: Path) -> SchemaFolder:
    root = tmp_path / "schemas"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    return SchemaFolder(root)
