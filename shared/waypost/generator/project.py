"""A new project: its configuration, an empty event contract, and its commands."""

from collections.abc import Sequence
from pathlib import Path

from waypost.generator.names import namespace_of, project_name
from waypost.generator.writing import rendered, write_new
from waypost.project import configured, read_project
from waypost.schemas.contract import write_classes


def write_project(name: str, parent: Path) -> Sequence[Path]:
    """The files of `<parent>/<name>`. Raises Invalid for a name that cannot be used, or files that
    exist.
    """
    namespace = namespace_of(project_name(name))
    words = {"distribution": name, "namespace": namespace, "title": namespace.replace("_", " ").capitalize()}
    root = parent / name
    files = write_new(rendered("project", root, words, {}))
    made = read_project(root)
    assert made is not None  # noqa: S101 - its table has just been written
    with configured(made):
        return [*files, *write_classes(made.schemas_folder)]
