"""What import-linter cannot say: the three services have the same rooms, and rooms stay small."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("users", "billing", "notifications")
ROOMS = {
    "__main__",
    "app",
    "api",
    "jobs",
    "adapters",
    "handlers",
    "projections",
    "queries",
    "tables",
    "domain",
    "commands",
    "ports",
    "settings",
    "migrations",
}
LONGEST_FILE_LINES = 250
GENERATED = {ROOT / "schemas" / f"{service}.py" for service in ("users", "billing", "notifications")}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    found = {
        path.stem for path in (ROOT / "services" / service).iterdir() if not path.name.startswith(("__init__", "__pyc"))
    }
    assert found == ROOMS


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    product = (
        path
        for room in ("services", "shared", "schemas", "infra", "tests", "bench")
        for path in (ROOT / room).rglob("*.py")
    )
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in product if path not in GENERATED}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}
