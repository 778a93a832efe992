"""The wheel's generator writes a project outside this repository: its checks and its tests pass, on
real parts.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.places import STATE, TOOLKIT
from waypost.native.folders import NAME
from waypost.testing.folders import scratch_folder

BUILD = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
INSTALL = ("-m", "pip", "--quiet", "install", "--no-deps", "--no-index")
SECONDS = 240
MYPY_CACHE = STATE / "mypy-of-a-new-project"
"""Kept for the next run: a check without it analyses every library again, 20 seconds of CPU."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with scratch_folder() as made:
        yield made


@pytest.fixture(scope="module")
def python(folder: Path) -> Path:
    """Python of an environment with the wheel; the requirements come from this environment."""
    source = shutil.copytree(TOOLKIT, folder / "shared", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    run(folder, sys.executable, *BUILD, str(source), "--wheel-dir", str(folder))
    run(folder, sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    run(folder, sys.executable, *INSTALL, "--target", str(packages), str(wheel))
    # A path file of this environment would bring the checkout: the folder is only appended.
    (packages / "requirements.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    shutil.rmtree(source)
    return folder / "venv" / "bin" / "python"


@pytest.fixture(scope="module")
def acme(folder: Path, python: Path) -> Path:
    """With two services; the second reacts to the first."""
    waypost = (python, "-m", "waypost.cli")
    run(folder, *waypost, "new", "project", "acme")
    project = folder / "acme"
    run(project, *waypost, "new", "service", "shipping", "--event", "shipment.dispatched")
    followed = ("--event", "invoice.issued", "--follow", "shipment.dispatched")
    run(project, *waypost, "new", "service", "invoicing", *followed)
    (project / NAME).symlink_to(STATE)  # the jars that this checkout has installed
    return project


@pytest.mark.timeout(SECONDS)
def test_the_toolkit_is_the_installed_one(acme: Path, python: Path) -> None:
    where = run(acme, python, "-c", "import waypost; print(waypost.__file__)")
    assert Path(where.strip()).is_relative_to(python.parents[1])


@pytest.mark.timeout(SECONDS)
def test_its_checks_pass(acme: Path, python: Path) -> None:
    run(acme, "make", "check", f"PYTHON={python}")


@pytest.mark.timeout(SECONDS)
def test_its_tests_pass(acme: Path, python: Path) -> None:
    printed = run(acme, "make", "test", f"PYTHON={python}", "ARGS=-p no:cacheprovider")
    assert "12 passed" in printed


def run(directory: Path, *command: str | Path) -> str:
    """Returns the output. Fails the test with the output if the exit code is not 0."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST_"))}
    environment = {**outside, "PYTHONPATH": "", "MYPY_CACHE_DIR": str(MYPY_CACHE)}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout
