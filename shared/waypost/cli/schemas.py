"""`waypost schemas generate|lock|unlock|check|push`"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from waypost.cli.output import AsJson, console, present, print_to_stderr, to_json
from waypost.project import project
from waypost.schemas.contract import lock_new_versions, refuse, write_classes
from waypost.schemas.lock import LockedSchema
from waypost.schemas.lock_removal import unlock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.registry import push
from waypost.schemas.sources import read_sources
from waypost.schemas.verification import check

commands = typer.Typer(no_args_is_help=True, help="Event schemas: their ids, samples and generated classes.")

Type = Annotated[str, typer.Argument(help="Event type: user.created")]
Version = Annotated[int, typer.Argument(help="Version number of its .avsc file.")]
T = TypeVar("T")

STORED_EVENTS = (
    "Events that a local stack has stored with this id cannot be read afterwards:"
    " stop the stack and delete the folder .waypost"
)


@commands.command("generate")
def generate_command(as_json: AsJson = False) -> None:
    """Writes the event classes of every service from the newest versions."""
    files = _done(_generate, as_json=as_json)
    present(files, f"wrote {', '.join(files)}", as_json=as_json)


@commands.command("lock")
def lock_command(as_json: AsJson = False) -> None:
    """Assigns each new version its permanent schema id, and stores a sample of it."""
    new = _done(_lock, as_json=as_json)
    present([_facts(line) for line in new], "\n".join(map(_line, new)) or "nothing new to lock", as_json=as_json)


@commands.command("unlock")
def unlock_command(event_type: Type, version: Version, as_json: AsJson = False) -> None:
    """Removes the newest lock entry and its sample if they are not committed yet. The .avsc file
    stays.
    """
    line = _done(lambda: unlock(project().schemas_folder, event_type, version), as_json=as_json)
    present(
        _facts(line),
        f"{_line(line)} is unlocked; edit {line.file}, then lock it again. {STORED_EVENTS}",
        as_json=as_json,
    )


@commands.command("check")
def check_command(as_json: AsJson = False) -> None:
    """Verifies that sources, topics, lock, classes and samples agree, and that all versions are
    compatible.
    """
    count = _done(_check, as_json=as_json)
    present({"schemas": count, "problems": []}, f"{count} schemas are valid", as_json=as_json)


@commands.command("push")
def push_command(
    url: Annotated[str, typer.Argument(help="URL of a registry with Confluent's API.")], as_json: AsJson = False
) -> None:
    """Registers all locked schemas with a registry, under their locked ids."""
    count = _done(lambda: push(url, project().schemas_folder), as_json=as_json)
    present({"registered": count}, f"registered {count} schemas under their locked ids", as_json=as_json)


def _generate() -> list[str]:
    return [path.name for path in write_classes(project().schemas_folder)]


def _lock() -> Sequence[LockedSchema]:
    return lock_new_versions(project().schemas_folder)


def _check() -> int:
    root = project().schemas_folder
    refuse(check(root))
    return len(read_sources(root))


def _done(act: Callable[[], T], *, as_json: bool) -> T:
    """Runs `act` and returns its result. If it raises problems, prints each with its cause and
    remedy, and exits with 1.
    """
    problems: list[SchemaProblem] = []
    try:
        return act()
    except* SchemaProblem as found:
        problems += (problem for problem in found.exceptions if isinstance(problem, SchemaProblem))
    if as_json:
        described = [problem.as_dict() for problem in problems]
        console.print(to_json({"problems": described}), soft_wrap=True)
    else:
        print_to_stderr("\n".join(map(str, problems)))
    raise typer.Exit(1)


def _line(line: LockedSchema) -> str:
    return f"{line.id}  {line.subject}  version {line.version}"


def _facts(line: LockedSchema) -> dict[str, Any]:
    return {"id": line.id, "subject": line.subject, "type": line.type, "version": line.version, "file": line.file}
