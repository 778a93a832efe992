"""The four roles of a service, and their limits.

`<s>_owner` migrates, `<s>_app` serves (api, consumers, jobs), `<s>_relay` publishes the outbox,
`<s>_ops` is the operators' role. None is a superuser or bypasses row-level security. The migrations
grant their privileges inside the database.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import asyncpg

from waypost.postgres import keepalive


class DatabaseRole(StrEnum):
    OWNER = "owner"
    APP = "app"
    RELAY = "relay"
    OPS = "ops"


Passwords = Mapping[DatabaseRole, str]

ATTRIBUTES = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls"

# Every role: the server ends the session of a client that is gone, with its locks.
LIVENESS = {
    "client_connection_check_interval": "500ms",  # ends the statement of a killed client within 0.5 s
    "tcp_keepalives_idle": f"{keepalive.IDLE_SECONDS}",
    "tcp_keepalives_interval": f"{keepalive.INTERVAL_SECONDS}",
    "tcp_keepalives_count": f"{keepalive.PROBES}",
    "tcp_user_timeout": f"{keepalive.UNACKNOWLEDGED_SECONDS}s",
}

# Without these limits, a client that freezes in a transaction would block its successor
# indefinitely. The owner has none of them: migrations and rebuilds run long.
LIMITS = {
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "3s",
    "statement_timeout": "10s",
    "transaction_timeout": "15s",
}

# Keeps the texts of failed statements out of the server's log: the writes that are sent with a
# commit contain values. Only a superuser may set it.
UNLOGGED = {"log_min_error_statement": "panic"}

_SAFE = re.compile(r"[a-zA-Z0-9_-]+")


def role_name(service: str, role: DatabaseRole) -> str:
    return f"{service}_{role}"


async def ensure_roles(admin: asyncpg.Connection, service: str, passwords: Passwords) -> None:
    """Creates missing roles, and sets passwords and limits each time, so that a change of this file
    reaches an existing cluster.
    """
    for role in DatabaseRole:
        name = role_name(service, role)
        await _ensure_role(admin, name, passwords[role])
        for setting, value in settings_of(role).items():
            await admin.execute(f"alter role {checked(name)} set {setting} = '{value}'")
    # `waypost doctor` looks for long transactions of all roles.
    await admin.execute(f"grant pg_read_all_stats to {checked(role_name(service, DatabaseRole.OPS))}")


def settings_of(role: DatabaseRole) -> Mapping[str, str]:
    """The settings with which each session of the role begins."""
    if role is DatabaseRole.OWNER:
        return LIVENESS
    return LIVENESS | LIMITS | (UNLOGGED if role is DatabaseRole.APP else {})


async def _ensure_role(admin: asyncpg.Connection, name: str, password: str) -> None:
    if not await admin.fetchval("select exists (select from pg_roles where rolname = $1)", name):
        await admin.execute(f"create role {checked(name)}")
    await admin.execute(f"alter role {checked(name)} {ATTRIBUTES} password '{checked(password)}'")


def checked(word: str) -> str:
    """Returns the word if it needs no quoting in SQL, because DDL statements accept no parameters.
    Raises ValueError otherwise.
    """
    if not _SAFE.fullmatch(word):
        raise ValueError(f"{word!r} is not safe in SQL without quotes")
    return word
