"""The four roles of a service, and what each may cost the others.

`<s>_owner` migrates, `<s>_app` serves (api, consumers, jobs), `<s>_relay` drains the outbox,
`<s>_ops` is the operator's. None is a superuser or may bypass row-level security. What they may
touch inside the database is granted by the migrations.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import asyncpg


class Role(StrEnum):
    OWNER = "owner"
    APP = "app"
    RELAY = "relay"
    OPS = "ops"


Passwords = Mapping[Role, str]

WITHOUT_POWERS = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls"

# A client that freezes in a transaction would otherwise block its successor for ever. The owner has
# none of these: migrations and rebuilds run long, and set their own.
LIMITS = {
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "3s",
    "statement_timeout": "10s",
    "transaction_timeout": "15s",
    "client_connection_check_interval": "500ms",  # a killed client's statement ends in 0.2 s instead of at its end
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11s",
}

_SAFE = re.compile(r"[a-zA-Z0-9_-]+")


def role_name(service: str, role: Role) -> str:
    return f"{service}_{role}"


async def ensure_roles(admin: asyncpg.Connection, service: str, passwords: Passwords) -> None:
    """Makes what is missing and sets passwords and limits anew, so that a change of this file
    reaches an old cluster.
    """
    for role in Role:
        name = role_name(service, role)
        await _ensure_role(admin, name, passwords[role])
        if role is not Role.OWNER:
            for setting, value in LIMITS.items():
                await admin.execute(f"alter role {checked(name)} set {setting} = '{value}'")


async def _ensure_role(admin: asyncpg.Connection, name: str, password: str) -> None:
    if not await admin.fetchval("select exists (select from pg_roles where rolname = $1)", name):
        await admin.execute(f"create role {checked(name)}")
    await admin.execute(f"alter role {checked(name)} {WITHOUT_POWERS} password '{checked(password)}'")


def checked(word: str) -> str:
    """The word, if it can stand in a statement as it is: DDL takes no parameters."""
    if not _SAFE.fullmatch(word):
        raise ValueError(f"{word!r} cannot stand in SQL unquoted")
    return word
