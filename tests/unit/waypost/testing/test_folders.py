"""Where the files of tests are."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from waypost.testing import folders
from waypost.testing.folders import memory_folder, scratch_folder


class Size(NamedTuple):
    free: int


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shared memory of this machine for the test: large, and with programs."""
    monkeypatch.setattr(folders, "MEMORY", tmp_path)
    has_free(folders.NEEDED_BYTES, monkeypatch)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result([0] * 10))
    return tmp_path


def has_free(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Size(size))


def test_a_folder_in_memory_is_removed_at_the_end(memory: Path) -> None:
    with scratch_folder(in_memory=True) as folder:
        assert folder.parent == memory
    assert list(memory.iterdir()) == []


def test_a_folder_is_with_the_temporary_files_by_default(memory: Path) -> None:
    with scratch_folder() as folder:
        assert folder.parent == Path(tempfile.gettempdir())


def test_the_folder_of_a_process_that_has_ended_is_removed(memory: Path) -> None:
    orphan = memory / f"{folders.PREFIX}{2**22 + 1}-abc"
    orphan.mkdir()
    with scratch_folder():
        assert not orphan.exists()


def test_a_small_memory_is_not_used(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_free(64 * 1024**2, monkeypatch)
    assert memory_folder() is None


def test_a_memory_without_programs_is_not_used(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result([0] * 8 + [os.ST_NOEXEC, 0]))
    assert memory_folder() is None


def test_a_machine_without_such_a_folder(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MEMORY", memory / "absent")
    assert memory_folder() is None
    with scratch_folder(in_memory=True) as folder:
        assert folder.parent == Path(tempfile.gettempdir())
