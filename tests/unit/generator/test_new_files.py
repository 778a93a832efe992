"""Files of a new project and of its services: written once, never over others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from waypost.generator.followed import followed_event
from waypost.generator.names import service_names
from waypost.generator.new_files import TEMPLATES
from waypost.generator.project import write_project
from waypost.generator.service import write_service
from waypost.kernel.errors import Invalid, NotFound
from waypost.project import configured, read_project
from waypost.schemas.problems import SchemaProblem

MAX_TEMPLATE_LINES = 100
SHIPPING = service_names("shipping", "shipment.dispatched")


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", ["acme", "acme/Makefile", "acme/notes.txt", "acme/.git/HEAD"])
def test_a_project_is_not_written_into_a_folder_that_has_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine\n")
    with pytest.raises(Invalid, match=r"nothing was written.*acme is not an empty folder.*another name"):
        write_project("acme", tmp_path)
    assert contents(tmp_path) == {tmp_path / name: b"mine\n"}


def test_a_project_is_written_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    assert tmp_path / "acme" / "Makefile" in write_project("acme", tmp_path)


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


def append_to_topics(text: str) -> Callable[[Path], object]:
    def append(schemas: Path) -> None:
        with (schemas / "topics.yaml").open("a") as file:
            file.write(text)

    return append


def break_another_schema(schemas: Path) -> None:
    folder = schemas / "avro" / "order.placed"
    folder.mkdir(parents=True)
    (folder / "1.avsc").write_text('{"type": "record"}')


def break_the_lock(schemas: Path) -> None:
    (schemas / "registry.lock.json").write_text("not JSON")


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (append_to_topics("owner: the platform team\n"), Invalid),
        (append_to_topics("owners:\n  - platform\n"), Invalid),
        (append_to_topics("owners:\n  platform: ada\n"), Invalid),
        (break_another_schema, SchemaProblem),
        (break_the_lock, SchemaProblem),  # found after the files are written
    ],
)
def test_a_service_is_written_completely_or_not_at_all(
    tmp_path: Path, damage: Callable[[Path], object], error: type[Exception]
) -> None:
    write_project("acme", tmp_path)
    made = read_project(tmp_path / "acme")
    assert made is not None
    damage(made.schemas_folder)
    before = set(tmp_path.rglob("*")), contents(tmp_path)
    with configured(made), pytest.raises(error):
        write_service(SHIPPING)
    assert (set(tmp_path.rglob("*")), contents(tmp_path)) == before


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
    assert len(template.read_text().splitlines()) <= MAX_TEMPLATE_LINES
