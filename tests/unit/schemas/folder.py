"""A copy of the schemas that a test may spoil."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from waypost.cli.main import app
from waypost.kernel.event import Event
from waypost.project import FILE, FOLDER_VARIABLE, configure, project, read_project
from waypost.schemas.sources import read_sources

Change = Callable[[dict[str, Any]], object]


class SchemaFolder:
    """The schema folder of a temporary project, which is the current project during the test."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        (root.parent / FILE).write_text('[tool.waypost]\nnamespace = "waypost"\n')
        monkeypatch.setenv(FOLDER_VARIABLE, str(root.parent))
        configure(read_project(root.parent))

    def run(self, *arguments: str) -> int:
        """Runs `waypost schemas` on this folder. The output goes to standard output and error."""
        result = CliRunner().invoke(app, ["schemas", *arguments])
        sys.stdout.write(result.stdout)
        sys.stderr.write(result.stderr)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code

    def edit(self, event_type: str, change: Change, version: int = 1) -> None:
        """Spoils a version in place."""
        path = self._path(event_type, version)
        self._write(path, json.loads(path.read_text()), change)

    def draft(self, event_type: str, version: int, change: Change) -> None:
        """Writes a version that differs from the one before it by `change`."""
        before = json.loads(self._path(event_type, version - 1).read_text())
        self._write(self._path(event_type, version), before, change)

    def publish(self, event_type: str, version: int, change: Change) -> None:
        """Drafts it and takes it through the verbs."""
        self.draft(event_type, version, change)
        assert self.run("lock") == 0
        assert self.run("generate") == 0
        assert self.run("check") == 0

    def keep_only(self, event_type: str) -> None:
        for other in (self.root / "avro").iterdir():
            if other.name != event_type:
                shutil.rmtree(other)

    def events(self) -> Mapping[str, type[Event]]:
        """The classes of the folder's own generated modules."""
        services = sorted({source.service for source in read_sources(self.root)})
        return {event.type: event for service in services for event in self._module(service).EVENTS}

    def _module(self, service: str) -> Any:
        spec = importlib.util.spec_from_file_location(f"generated_{service}", self.root / f"{service}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def _path(self, event_type: str, version: int) -> Path:
        return self.root / "avro" / event_type / f"{version}.avsc"

    def _write(self, path: Path, definition: dict[str, Any], change: Change) -> None:
        change(definition)
        path.write_text(json.dumps(definition))


@contextmanager
def copied(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SchemaFolder]:
    """A copy of this project's schemas, which is the current project's inside the block."""
    root = directory / "schemas"
    shutil.copytree(project().schemas_folder, root, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        yield SchemaFolder(root, monkeypatch)
    finally:
        configure(None)


def field(definition: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(field for field in definition["fields"] if field["name"] == name)
    return found


def adds(name: str, kind: object, **more: object) -> Change:
    """Appends a documented field."""
    return lambda definition: definition["fields"].append({"name": name, "type": kind, "doc": "New.", **more})


def removes(name: str) -> Change:
    return lambda definition: definition["fields"].remove(field(definition, name))


def changes(name: str, /, **to: object) -> Change:
    """Overwrites attributes of one field."""
    return lambda definition: field(definition, name).update(to)
