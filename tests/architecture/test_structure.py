"""Rules beyond import-linter: every service has the same packages, files stay small, and each
service is declared.
"""

from pathlib import Path

import pytest

from infra.services import SERVICES
from infra.stack.addresses import offsets
from infra.stack.processes import services_here

ROOT = Path(__file__).parents[2]
ROOMS = {
    "__main__",
    "app",
    "api",
    "handlers",
    "projections",
    "queries",
    "tables",
    "domain",
    "commands",
    "migrations",
}
ROOMS_OF_SOME = {"adapters", "jobs", "ports", "settings", "live"}
"""Packages of a service that calls an external system, or shows a live view."""
MAX_FILE_LINES = 250
GENERATED = {ROOT / "schemas" / f"{service}.py" for service in SERVICES}


@pytest.mark.parametrize("service", services_here())
def test_every_service_has_the_same_packages(service: str) -> None:
    found = {
        path.stem for path in (ROOT / "services" / service).iterdir() if not path.name.startswith(("__init__", "__pyc"))
    }
    assert found - ROOMS_OF_SOME == ROOMS


def test_every_service_is_declared_with_separate_ports() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")}
    assert folders == set(SERVICES)
    assert len(set(offsets().values())) == len(offsets())


def test_no_file_exceeds_the_line_limit() -> None:
    product = (
        path
        for room in ("services", "shared", "schemas", "infra", "tests", "bench")
        for path in (ROOT / room).rglob("*.py")
    )
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in product if path not in GENERATED}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}
