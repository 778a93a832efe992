"""A signal that ends `waypost new` leaves nothing half-written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from waypost.generator.project import write_project
from waypost.project import FOLDER_VARIABLE

PROGRAM = """
import os, signal, sys
from waypost.cli.main import main
from waypost.generator import new_files, project, service

def remove(path):
    os.kill(os.getpid(), signal.SIGTERM)  # a second signal, during the removal
    removed(path)

def write_classes(root):
    (root / "shipping.py").write_text("half of it")
    os.kill(os.getpid(), {number})

removed, new_files._remove = new_files._remove, remove
project.write_classes = service.write_classes = write_classes
main()
"""
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda each: each.name)


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def interrupted(folder: Path, number: signal.Signals, *command: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name != FOLDER_VARIABLE}
    program = (sys.executable, "-c", PROGRAM.format(number=int(number)), "new", *command)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(program, cwd=folder, env=environment, capture_output=True, check=False).returncode


@SIGNALS
def test_an_interrupted_service_is_removed(tmp_path: Path, number: signal.Signals) -> None:
    write_project("acme", tmp_path)
    before = contents(tmp_path)
    assert interrupted(tmp_path / "acme", number, "service", "shipping") != 0
    assert contents(tmp_path) == before


@SIGNALS
def test_an_interrupted_project_is_removed(tmp_path: Path, number: signal.Signals) -> None:
    assert interrupted(tmp_path, number, "project", "acme") != 0
    assert contents(tmp_path) == {}


@SIGNALS
def test_an_interrupted_project_leaves_the_empty_folder_that_was_there(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "acme").mkdir()
    assert interrupted(tmp_path, number, "project", "acme") != 0
    assert contents(tmp_path) == {tmp_path / "acme": None}


def test_sigterm_gives_its_usual_exit_code(tmp_path: Path) -> None:
    assert interrupted(tmp_path, signal.SIGTERM, "project", "acme") == 128 + signal.SIGTERM
