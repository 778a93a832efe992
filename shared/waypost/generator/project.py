"""A new project: its configuration, an empty event contract, and its commands."""

from collections.abc import Sequence
from pathlib import Path

from waypost.generator.names import namespace_of, project_name
from waypost.generator.new_files import all_or_nothing, rendered, write_new
from waypost.kernel.errors import Invalid
from waypost.project import configured, read_project
from waypost.schemas.contract import write_classes


def write_project(name: str, parent: Path) -> Sequence[Path]:
    """The files of `<parent>/<name>`; changes nothing if it raises. Raises Invalid for a name that
    cannot be used, and if the folder exists and is not empty.
    """
    namespace = namespace_of(project_name(name))
    words = {"distribution": name, "namespace": namespace, "title": namespace.replace("_", " ").capitalize()}
    root = parent / name
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise Invalid(f"nothing was written, because {root} is not an empty folder: choose another name, or move it")
    files = list(rendered("project", root, words, {}))
    with all_or_nothing([each.path for each in files], root):
        written = write_new(files)
        made = read_project(root)
        assert made is not None  # noqa: S101 - its table has just been written
        with configured(made):
            return [*written, *write_classes(made.schemas_folder)]
