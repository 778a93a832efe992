"""`waypost migrate [SERVICE]`"""

import asyncio
from typing import Annotated

import typer

from waypost.cli.databases import explained
from waypost.cli.output import AsJson, console, to_json
from waypost.cli.services import chosen_services, setting_of
from waypost.postgres.failures import as_transient
from waypost.postgres.migrate import Upgrade
from waypost.postgres.migrate import migrate as upgrade_database
from waypost.project import variable


def migrate(
    service: Annotated[str | None, typer.Argument(help="One service; all without it.")] = None, as_json: AsJson = False
) -> None:
    """Upgrades the databases of services: the toolkit's tables first, then the service's own.

    Each database in one transaction, as the role that owns it; a second migrator waits for the
    first.
    """
    done = {each.name: _migrated(each.name) for each in chosen_services(service)}
    if as_json:
        console.print(to_json(done), soft_wrap=True)
        return
    for name, upgrades in done.items():
        console.print(f"{name}: {', '.join(map(_described, upgrades))}")


def _migrated(service: str) -> list[Upgrade]:
    with as_transient(), explained(service):
        return list(asyncio.run(upgrade_database(service, setting_of(service, variable("OWNER_DSN")))))


def _described(upgrade: Upgrade) -> str:
    if upgrade.before == upgrade.after:
        return f"{upgrade.owner} is at {upgrade.after}"
    return f"{upgrade.owner} from {upgrade.before or 'nothing'} to {upgrade.after}"
