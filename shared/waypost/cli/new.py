"""`waypost new project|service`"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from waypost.cli.output import AsJson, console, print_to_stderr, to_json
from waypost.generator.followed import followed_event
from waypost.generator.names import service_names
from waypost.generator.project import write_project
from waypost.generator.service import write_service
from waypost.kernel.errors import Misconfigured
from waypost.project import project
from waypost.schemas.problems import SchemaProblem

commands = typer.Typer(no_args_is_help=True, help="Writes a new project, or a new service of a project.")


@commands.command("project")
def new_project(
    name: Annotated[str, typer.Argument(help="Name of the folder and of the Avro namespace: acme")],
    as_json: AsJson = False,
) -> None:
    """Writes a project without services into a new folder."""
    files = write_project(name, Path.cwd())
    steps = [f"cd {name}", "waypost new service shipping --event shipment.planned"]
    steps += ["make test", "make demo"]
    _answer(files, Path.cwd(), steps, as_json=as_json)


@commands.command("service")
def new_service(
    name: Annotated[str, typer.Argument(help="Name of the service, its database and its package: shipping")],
    event: Annotated[
        str | None,
        typer.Option(help="The event that creates its aggregate: shipment.planned; <service>.created unless given."),
    ] = None,
    verb: Annotated[
        str | None,
        typer.Option(help="Name of the command that creates it: plan; derived from the event type unless given."),
    ] = None,
    follow: Annotated[
        str | None, typer.Option(help="Event type of another service that this one reacts to: order.placed")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Writes a service that runs: its event, aggregate, command, handler, projection, reactor, job,
    routes, migration and tests.
    """
    names = service_names(name, event, verb)
    root = project().root
    try:
        files = write_service(names, followed_event(follow) if follow else None)
    except* SchemaProblem as problems:
        raise Misconfigured("\n".join(str(each) for each in problems.exceptions)) from problems
    tests = " ".join(f"tests/{kind}/{name}" for kind in ("unit", "integration"))
    _answer(files, root, [f'make test ARGS="{tests}"', f"edit services/{name}/domain.py"], as_json=as_json)


def _answer(files: Iterable[Path], root: Path, steps: Iterable[str], *, as_json: bool) -> None:
    paths = [str(each.relative_to(root)) for each in files]
    if as_json:
        console.print(to_json({"files": paths, "next": list(steps)}), soft_wrap=True)
        return
    for path in paths:
        console.print(path, markup=False, highlight=False, soft_wrap=True)
    print_to_stderr("Next:\n" + "\n".join(f"  {each}" for each in steps))
