"""The files that this process has loaded, as they were when it imported this module: last.

The identity, size and modification time of a file are compared, not the time of the last change of
its inode. An installer that links the same file into another environment changes only the latter.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from waypost.native.forked import LOADING_SINCE
from waypost.project import FILE, known_project


def have_changed() -> bool:
    """Whether a loaded file differs from then, or a file of the schemas is new or gone."""
    return _CHANGED_WHILE_LOADING or {file: _state(file) for file in {*_LOADED, *_files_of_schemas()}} != _LOADED


def _state(file: Path) -> tuple[int, int, int] | None:
    """Inode, size in bytes and modification time in nanoseconds. None if the file is absent."""
    try:
        now = file.stat()
    except OSError:
        return None
    return now.st_ino, now.st_size, now.st_mtime_ns


def _files_of_modules() -> Iterator[Path]:
    for module in list(sys.modules.values()):
        if file := getattr(module, "__file__", None):
            yield Path(file)


def _files_of_schemas() -> Iterator[Path]:
    """A service builds its codec and topics from them."""
    if project := known_project():
        yield project.root / FILE
        yield from (file for file in project.schemas_folder.rglob("*.*") if file.suffix != ".pyc")


_LOADED = {file: _state(file) for file in {*_files_of_modules(), *_files_of_schemas()}}
_CHANGED_WHILE_LOADING = any(file.exists() and file.stat().st_ctime >= LOADING_SINCE for file in _LOADED)
