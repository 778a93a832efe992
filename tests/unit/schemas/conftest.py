from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.schemas.folder import SchemaFolder, copied


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SchemaFolder]:
    with copied(tmp_path, monkeypatch) as folder:
        yield folder
