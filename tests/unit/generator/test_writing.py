"""Files of a new project and of its services: written once, never over others."""

from pathlib import Path

import pytest

from waypost.generator.followed import followed_event
from waypost.generator.names import service_names
from waypost.generator.project import write_project
from waypost.generator.service import write_service
from waypost.generator.writing import TEMPLATES
from waypost.kernel.errors import Invalid, NotFound
from waypost.project import configured, read_project

LONGEST_TEMPLATE = 100
SHIPPING = service_names("shipping", "shipment.dispatched")


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_existing_file_is_not_overwritten_and_nothing_else_is_written(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "Makefile").write_text("mine\n")
    with pytest.raises(Invalid, match=r"nothing was written.*\n.*Makefile"):
        write_project("acme", tmp_path)
    assert contents(tmp_path) == {tmp_path / "acme" / "Makefile": b"mine\n"}


def test_a_service_is_written_once(tmp_path: Path) -> None:
    write_project("acme", tmp_path)
    made = read_project(tmp_path / "acme")
    assert made is not None
    with configured(made):
        write_service(SHIPPING)
        before = contents(tmp_path)
        with pytest.raises(Invalid, match=r"domain\.py"):
            write_service(SHIPPING)
    assert contents(tmp_path) == before


def test_an_event_type_that_the_project_does_not_have_cannot_be_followed(tmp_path: Path) -> None:
    write_project("acme", tmp_path)
    made = read_project(tmp_path / "acme")
    assert made is not None
    with configured(made), pytest.raises(NotFound, match="none yet"):
        followed_event("order.placed")


@pytest.mark.parametrize(
    "template", sorted(TEMPLATES.rglob("*.template")), ids=lambda file: str(file.relative_to(TEMPLATES))
)
def test_a_template_is_short(template: Path) -> None:
    assert len(template.read_text().splitlines()) <= LONGEST_TEMPLATE
