"""`python -m services.<service> migrate`"""

from waypost.hosting.service import Service
from waypost.hosting.settings import MigrateSettings, load
from waypost.postgres.migrate import migrate


async def run_migrate(service: Service) -> None:
    await migrate(service.name, load(MigrateSettings).owner_dsn)
