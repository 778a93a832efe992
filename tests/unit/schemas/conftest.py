import shutil
from pathlib import Path

import pytest

from tests.unit.schemas.folder import SchemaFolder
from waypost.project import project


@pytest.fixture
def folder(tmp_path: Path) -> SchemaFolder:
    root = tmp_path / "schemas"
    shutil.copytree(project().schemas_folder, root, ignore=shutil.ignore_patterns("__pycache__"))
    return SchemaFolder(root)
