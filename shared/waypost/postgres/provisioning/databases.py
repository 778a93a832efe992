"""One database per service. Only the service's own roles may connect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import asyncpg

from waypost.postgres.direct import CONNECT_SECONDS
from waypost.postgres.hosts import connect
from waypost.postgres.provisioning.roles import DatabaseRole, Passwords, checked, ensure_roles, role_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDatabase:
    """The database of one service, as `postgresql://user:password@host:port/name` for each role."""

    service: str
    name: str
    owner: str
    app: str
    relay: str
    ops: str


def service_database(admin_dsn: str, service: str, name: str, passwords: Passwords) -> ServiceDatabase:
    """The DSNs of a database on the server, or the servers, that `admin_dsn` points to."""
    server = urlsplit(admin_dsn)
    hosts = server.netloc.rpartition("@")[2]
    parameters = f"?{server.query}" if server.query else ""

    def dsn(role: DatabaseRole) -> str:
        return f"postgresql://{role_name(service, role)}:{passwords[role]}@{hosts}/{name}{parameters}"

    return ServiceDatabase(
        service=service,
        name=name,
        owner=dsn(DatabaseRole.OWNER),
        app=dsn(DatabaseRole.APP),
        relay=dsn(DatabaseRole.RELAY),
        ops=dsn(DatabaseRole.OPS),
    )


async def ensure_databases(admin_dsn: str, passwords: Mapping[str, Passwords]) -> None:
    """Creates the missing roles and databases for each service of `passwords`."""
    admin = await connect(admin_dsn, timeout=CONNECT_SECONDS)
    try:
        for service, of_roles in passwords.items():
            await ensure_roles(admin, service, of_roles)
            await ensure_database(admin, service, service)
    finally:
        await admin.close()


async def ensure_database(
    admin: asyncpg.Connection,
    service: str,
    name: str,
    *,
    template: str = "template0",
    strategy: Literal["wal_log", "file_copy"] = "wal_log",
) -> None:
    """Creates the database if it is missing, owned by the service's owner. It is a copy of
    `template` with its tables and grants. `strategy` is that of `create database`.

    A template's privileges on the database itself are not copied, so they are granted each time.
    """
    owner = checked(role_name(service, DatabaseRole.OWNER))
    database = f'"{checked(name)}"'
    if not await admin.fetchval("select exists (select from pg_database where datname = $1)", name):
        await admin.execute(
            f'create database {database} owner {owner} template "{checked(template)}" strategy {strategy}'
        )
    await admin.execute(f"revoke all on database {database} from public")
    for role in (DatabaseRole.APP, DatabaseRole.RELAY, DatabaseRole.OPS):
        await admin.execute(f"grant connect on database {database} to {checked(role_name(service, role))}")


async def drop_database(admin: asyncpg.Connection, name: str) -> None:
    """Drops the database, after ending its sessions."""
    await admin.execute(f'drop database if exists "{checked(name)}" with (force)')
