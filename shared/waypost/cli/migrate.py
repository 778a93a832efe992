"""`waypost migrate [SERVICE]`"""

import asyncio

from waypost.cli.answers import explained
from waypost.cli.options import OneService
from waypost.cli.output import AsJson, present
from waypost.cli.services import chosen_services, setting_of
from waypost.postgres.failures import as_transient
from waypost.postgres.migrate import Upgrade
from waypost.postgres.migrate import migrate as upgrade_database
from waypost.project import variable


def migrate(service: OneService = None, as_json: AsJson = False) -> None:
    """Migrates the services' databases: first the toolkit's tables, then the service's own.

    Each database is migrated in one transaction, as its owner role. A second migrator waits for the
    first.
    """
    done = {chosen.name: _migrated(chosen.name) for chosen in chosen_services(service)}
    text = "\n".join(f"{name}: {', '.join(map(_described, upgrades))}" for name, upgrades in done.items())
    present(done, text, as_json=as_json)


def _migrated(service: str) -> list[Upgrade]:
    with as_transient(), explained(service):
        return list(asyncio.run(upgrade_database(service, setting_of(service, variable("OWNER_DSN")))))


def _described(upgrade: Upgrade) -> str:
    if upgrade.before == upgrade.after:
        return f"{upgrade.owner} is at {upgrade.after}"
    return f"{upgrade.owner} from {upgrade.before or 'nothing'} to {upgrade.after}"
