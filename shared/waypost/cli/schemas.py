"""`waypost schemas generate|lock|unlock|check|push`"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from waypost.cli.output import AsJson, console, remark, to_json
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
Version = Annotated[int, typer.Argument(help="Number of its .avsc file.")]
T = TypeVar("T")


@commands.command("generate")
def generate_command(as_json: AsJson = False) -> None:
    """Writes the event classes of every service from the newest versions."""
    files = _done(_generate, as_json=as_json)
    _answer(files, f"wrote {', '.join(files)}", as_json=as_json)


@commands.command("lock")
def lock_command(as_json: AsJson = False) -> None:
    """Gives each new version its schema id, for ever, and stores a sample of it."""
    new = _done(_lock, as_json=as_json)
    _answer([_facts(line) for line in new], "\n".join(map(_line, new)) or "nothing new to lock", as_json=as_json)


@commands.command("unlock")
def unlock_command(event_type: Type, version: Version, as_json: AsJson = False) -> None:
    """Takes back the newest lock entry and its sample, as long as they are not committed. The .avsc
    stays.
    """
    line = _done(lambda: unlock(project().schemas_folder, event_type, version), as_json=as_json)
    _answer(_facts(line), f"{_line(line)} is unlocked; edit {line.file} and lock it anew", as_json=as_json)


@commands.command("check")
def check_command(as_json: AsJson = False) -> None:
    """Verifies that sources, topics, lock, classes and samples agree, and that each version reads
    each other one.
    """
    count = _done(_check, as_json=as_json)
    _answer({"schemas": count, "problems": []}, f"{count} schemas in order", as_json=as_json)


@commands.command("push")
def push_command(
    url: Annotated[str, typer.Argument(help="Of a registry that speaks Confluent's API.")], as_json: AsJson = False
) -> None:
    """Registers all locked schemas with a registry, under the ids of the lock."""
    count = _done(lambda: push(url, project().schemas_folder), as_json=as_json)
    _answer({"registered": count}, f"{count} schemas registered under the ids of the lock", as_json=as_json)


def _generate() -> list[str]:
    return [path.name for path in write_classes(project().schemas_folder)]


def _lock() -> Sequence[LockedSchema]:
    return lock_new_versions(project().schemas_folder)


def _check() -> int:
    root = project().schemas_folder
    refuse(check(root))
    return len(read_sources(root))


def _done(act: Callable[[], T], *, as_json: bool) -> T:
    """The result; with problems, what is wrong, why and what to do, and exit code 1."""
    problems: list[SchemaProblem] = []
    try:
        return act()
    except* SchemaProblem as found:
        problems += (each for each in found.exceptions if isinstance(each, SchemaProblem))
    if as_json:
        told = [{"where": each.where, "what": each.what, "why": each.why, "remedy": each.remedy} for each in problems]
        console.print(to_json({"problems": told}), soft_wrap=True)
    else:
        remark("\n".join(map(str, problems)))
    raise typer.Exit(1)


def _answer(facts: Any, text: str, *, as_json: bool) -> None:
    console.print(to_json(facts) if as_json else text, soft_wrap=True)


def _line(line: LockedSchema) -> str:
    return f"{line.id}  {line.subject}  version {line.version}"


def _facts(line: LockedSchema) -> dict[str, Any]:
    return {"id": line.id, "subject": line.subject, "type": line.type, "version": line.version, "file": line.file}
