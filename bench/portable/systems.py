"""The systems that run without Docker: Waypost, and those adapters of the harness for which this
machine has the language.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.portable.accounts import FOLDER

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parents[1]
OURS = "waypost"
REASONS = {
    "awa": "its program is built from a second checkout, which the harness does not contain",
    "absurd": "its image downloads the SQL of its schema",
    "oban": "it needs Elixir",
    "pgboss": "it needs Node.js 22 or later",
    "pgmq": "it needs a PostgreSQL extension, which the native server does not have",
    "pgque": "its SQL is a submodule",
}
"""Why the other adapters of the harness do not run natively here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How one system starts."""

    folder: Path
    """It contains `adapter.json`."""
    command: tuple[str, ...]
    build: tuple[str, ...] = ()
    directory: Path
    variables: Mapping[str, str]


def programs(
    harness: Path, *, state: Path, acknowledged: Path, own_python: str, harness_python: str
) -> Mapping[str, Program]:
    """By system. `own_python` is that of this project, `harness_python` that of the harness's
    environment. Built programs are stored in `state`; adapters of Waypost write the ids of
    acknowledged jobs into `acknowledged`.
    """
    river, procrastinate = harness / "river-bench", harness / "procrastinate-bench"
    binary = str(state / "river-bench")
    known = {
        OURS: Program(
            folder=PACKAGE,
            command=(own_python, "-m", "bench.portable.adapter"),
            directory=CHECKOUT,
            variables={
                "PYTHONPATH": os.pathsep.join((str(CHECKOUT), str(CHECKOUT / "shared"))),
                "WAYPOST_VERSION": revision(CHECKOUT) or "unknown",
                FOLDER: str(acknowledged.resolve()),
            },
        ),
        "procrastinate": Program(
            folder=procrastinate,
            command=(harness_python, "main.py"),
            directory=procrastinate,
            variables={"PYTHONPATH": ""},
        ),
    }
    if shutil.which("go"):
        build = ("go", "build", "-o", binary, ".")
        known["river"] = Program(folder=river, command=(binary,), build=build, directory=river, variables={})
    return known


def registered(adapters: Any, known: Mapping[str, Program]) -> None:
    """Replaces or adds the entries of the harness's module `bench_harness.adapters`."""
    for system, program in known.items():
        adapters.ADAPTERS[system] = adapters.AdapterEntry(
            bench_dir=program.folder, builder=_builder(program), launcher=_launcher(adapters, program)
        )


def _builder(program: Program) -> Callable[[bool], None]:
    built = False

    def build(skip: bool) -> None:
        """The harness builds before each system; one build is enough."""
        nonlocal built
        if program.build and not skip and not built:
            Path(program.command[0]).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(program.build, cwd=program.directory, check=True)
            built = True

    return build


def _launcher(adapters: Any, program: Program) -> Callable[[Any, dict[str, str]], Any]:
    def launch(manifest: Any, overrides: dict[str, str]) -> Any:
        environment = {**adapters._base_env(manifest, overrides), **program.variables}
        return adapters.LaunchSpec(argv=list(program.command), env=environment, cwd=str(program.directory))

    return launch


def revision(folder: Path) -> str | None:
    """The commit of a checkout, or None if the folder is not one."""
    return _git(folder, "rev-parse", "HEAD")


def changes(folder: Path, *, except_in: str) -> list[str]:
    """The files of a checkout that differ from its commit or do not belong to it, without those
    below the folder `except_in`.
    """
    found = _git(folder, "status", "--porcelain", "--", ".", f":(exclude){except_in}")
    return [line[3:] for line in (found or "").splitlines()]


def _git(folder: Path, *words: str) -> str | None:
    asked = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    return asked.stdout.rstrip() if asked.returncode == 0 else None
