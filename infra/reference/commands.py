"""The `waypost` command, from its own parameter declarations."""

from collections.abc import Iterator
from typing import Any

import typer

from infra.reference.markdown import code, page, table
from waypost.cli.main import app


def commands_page() -> str:
    root = typer.main.get_command(app)
    sections = [_section(path, command) for path, command in _leaves("waypost", root)]
    return page("Commands", "Every command of `waypost`, as `--help` shows it.", *sections)


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name in sorted(children):
        yield from _leaves(f"{path} {name}", children[name])


def _section(path: str, command: Any) -> str:
    arguments = [_placeholder(p) for p in command.params if p.param_type_name == "argument"]
    rows = [
        (code(", ".join([*parameter.opts, *parameter.secondary_opts])), getattr(parameter, "help", "") or "")
        for parameter in command.params
        if parameter.param_type_name == "option" and "--help" not in parameter.opts
    ]
    parts = [f"## `{' '.join([path, *arguments])}`", (command.help or "").strip()]
    if rows:
        parts.append(table(("option", "meaning"), rows))
    return "\n\n".join(part for part in parts if part)


def _placeholder(parameter: Any) -> str:
    name = str(parameter.name).upper()
    return name if parameter.required else f"[{name}]"
