"""`make dev`: the components that a saved file affects, and their restart."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from watchfiles import Change, DefaultFilter, awatch

from infra.stack.client import Client
from infra.stack.places import CHECKOUT
from infra.stack.processes import SIMULATORS
from waypost.native.errors import StartFailed

WATCHED = ("services", "shared/waypost", "schemas", "infra")
SERVICES_FILE = "infra/services.py"
MODULES = {module.replace(".", "/"): name for name, module in SIMULATORS.items()}
"""Folder of a process that is not a service → its component."""


class SourceFilter(DefaultFilter):
    """Accepts files that a process reads at its start; refuses byte code, caches and backup files
    of editors.
    """

    SUFFIXES = (".py", ".avsc", ".json", ".yaml", ".html", ".css", ".js", ".txt", ".sql")

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(self.SUFFIXES) and super().__call__(change, path)


def affected_by(file: str, names: Sequence[str]) -> Sequence[str]:
    """The components among `names` that a file affects, by its path in the checkout.

    A file of one service affects its processes, and a migration also its migrations component. The
    toolkit and the schemas affect every Python process; `schemas/topics.yaml` first creates topics.
    """
    match file.split("/"):
        case ["services", service, *inner]:
            own = [name for name in names if name.startswith(f"{service}-")]
            return own if "migrations" in inner else without_migrations(own)
        case ["shared", "waypost", *inner]:
            python = [name for name in names if is_python(name)]
            return python if "migrations" in inner else without_migrations(python)
        case ["schemas", *inner]:
            first = ["topics"] if inner == ["topics.yaml"] and "topics" in names else []
            return [*first, *without_migrations([name for name in names if is_python(name)])]
        case ["infra", *_]:
            return [name for folder, name in MODULES.items() if file.startswith(f"{folder}/") and name in names]
    return []


def is_python(name: str) -> bool:
    return name in SIMULATORS or name.endswith(("-migrations", "-api", "-worker", "-jobs", "-live"))


def without_migrations(names: Iterable[str]) -> Sequence[str]:
    return [name for name in names if not name.endswith("-migrations")]


async def restart_on_save(client: Client, console: Console) -> None:
    """Runs until Ctrl-C, or until the stack ends. A failed restart is shown, and the next save
    retries it.
    """
    console.print("\nWatching services, shared/waypost, schemas and infra. Ctrl-C ends the watch.", highlight=False)
    folders = [CHECKOUT / folder for folder in WATCHED]
    async for changes in awatch(*folders, watch_filter=SourceFilter(), raise_interrupt=False):
        if not client.runs():
            raise StartFailed("the stack ended; `make dev` starts it again")
        files = sorted({Path(path).relative_to(CHECKOUT).as_posix() for _, path in changes})
        await apply(files, client, console)


async def apply(files: Sequence[str], client: Client, console: Console) -> None:
    board = client.board()
    names = [line.name for line in board.lines] if board else []
    started = time.monotonic()
    try:
        new = await client.start_missing() if SERVICES_FILE in files else ()
        touched = {name for file in files for name in affected_by(file, names)}
        restarted = await client.restart([name for name in names if name in touched]) if touched else ()
    except StartFailed as error:
        console.print(f"{time.strftime('%H:%M:%S')} {summary(files)}: {error}", markup=False, highlight=False)
        return
    if changed := [*new, *restarted]:
        line = f"{summary(files)}: {', '.join(changed)} ready after {time.monotonic() - started:.1f} s"
        console.print(f"{time.strftime('%H:%M:%S')} {line}", markup=False, highlight=False)


def summary(files: Sequence[str]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0]}{more}"
