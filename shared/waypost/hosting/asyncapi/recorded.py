"""Finds the events that a service records, by reading its source code. There is no list to
maintain.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from waypost.kernel.event import Event
from waypost.project import project


@cache
def recorded_events(package: str) -> frozenset[type[Event]]:
    """The event classes that a module of the package instantiates. Excludes events that are only
    imported or handled.
    """
    spec = import_module(package)
    return frozenset(
        kind
        for folder in spec.__path__
        for file in sorted(Path(folder).rglob("*.py"))
        for kind in _made_in(ast.parse(file.read_text(encoding="utf-8")))
    )


def _made_in(module: ast.Module) -> Iterator[type[Event]]:
    generated = f"{project().schemas}."  # all event classes are generated modules of this package
    nodes = list(ast.walk(module))
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(generated):
            for name in node.names:
                found = getattr(import_module(node.module), name.name)
                if (name.asname or name.name) in called and isinstance(found, type) and issubclass(found, Event):
                    yield found
