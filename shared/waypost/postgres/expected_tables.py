"""The tables that a process requires: columns, row-level security, and the privileges of each
role.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import MetaData

from waypost.postgres.tenancy import is_protected, is_secret

GrantedRole = Literal["app", "relay", "ops"]
Privileges = Mapping[GrantedRole, str]
"""`{"app": "select insert"}`. A privilege on some columns is sufficient."""

READ_TABLE: Privileges = {"app": "select insert update delete", "ops": "select"}
OWN_TABLE: Privileges = {"app": "select insert"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTable:
    schema: str
    name: str
    columns: frozenset[str]
    protected: bool
    """True if the rows of the table belong to tenants."""
    privileges: frozenset[tuple[str, str]]
    """(role, privilege)"""


def declared_tables(schema: str, tables: MetaData, privileges: Privileges) -> Iterator[ExpectedTable]:
    """The tables that a service declares in its `tables.py`."""
    for table in tables.sorted_tables:
        columns = [column.name for column in table.columns]
        granted = {role: names for role, names in privileges.items() if role != "ops" or not is_secret(table)}
        yield _expected(schema, table.name, columns, granted, protected=is_protected(table))


def read_tables(schema: str, tables: MetaData) -> Iterator[ExpectedTable]:
    """The tables of a projection, including the table of its order guard."""
    yield from declared_tables(schema, tables, READ_TABLE)
    yield _expected(schema, "versions", ["topic", "aggregate_id", "version"], READ_TABLE)


def _expected(
    schema: str, name: str, columns: Iterable[str], privileges: Privileges, *, protected: bool = False
) -> ExpectedTable:
    return ExpectedTable(
        schema=schema,
        name=name,
        columns=frozenset(columns),
        protected=protected,
        privileges=frozenset((role, name) for role, names in privileges.items() for name in names.split()),
    )


def _toolkit(
    name: str, columns: str, *, app: str = "", relay: str = "", ops: str = "", protected: bool = False
) -> ExpectedTable:
    roles: Privileges = {"app": app, "relay": relay, "ops": ops}
    return _expected("public", name, columns.split(), roles, protected=protected)


def own_tables(tables: Iterable[MetaData]) -> Iterator[ExpectedTable]:
    """The service's own tables in the schema `public`. Its migrations may grant more."""
    for metadata in tables:
        yield from declared_tables("public", metadata, OWN_TABLE)


# A test compares these with a migrated database, in both directions.
TOOLKIT_TABLES = (
    _toolkit(
        "events",
        "tenant_id aggregate_type aggregate_id version event_id type schema_id payload metadata occurred_at position",
        protected=True,
        app="select insert update",
        ops="select",
    ),
    _toolkit(
        "idempotency_keys",
        "tenant_id route key body_hash status headers body created_at",
        protected=True,
        app="select insert delete",
    ),
    _toolkit(
        "outbox",
        "shard id event_id tenant_id topic key payload headers created_at",
        app="insert",
        relay="select delete",
        ops="select",
    ),
    _toolkit("outbox_quarantine", "shard key reason quarantined_at", relay="select insert delete", ops="select delete"),
    _toolkit(
        "processed_messages",
        "consumer event_id tenant_id topic partition kafka_offset processed_at",
        app="select insert update delete",
        ops="select",
    ),
    _toolkit(
        "consumer_versions", "consumer topic aggregate_id version", app="select insert update delete", ops="select"
    ),
    _toolkit(
        "consumer_offsets",
        "consumer topic topic_id partition next_offset starts last_record",
        app="select insert update delete",
        ops="select",
    ),
    _toolkit("declared_consumers", "consumer kind topics", app="select insert update delete", ops="select"),
    _toolkit(
        "dead_letters",
        "id consumer event_id tenant_id type topic partition kafka_offset key key_digest sequence headers payload status"
        " attempts unfinished redrives next_attempt_at error_class error fingerprint retryable awaits_topic location"
        " traceback first_failed_at updated_at content_removed_at",
        app="select insert update delete",
        ops="select insert update delete",
    ),
    _toolkit(
        "parked_keys",
        "consumer topic key key_digest parked_at due_at waits partition deferred_from tenant_id",
        app="select insert update delete",
        ops="select insert update delete",
    ),
    _toolkit(
        "operator_actions", "id at operator reason verb subject tenant_id facts", app="insert", ops="select insert"
    ),
    _toolkit(
        "jobs",
        "id tenant_id name arguments idempotency_key priority enqueued_at run_at status attempts crashed lease"
        " lease_until worker started_at error correlation_id causation_id traceparent tracestate actor_id redrives"
        " outages delayed",
        app="select insert update delete",
        ops="select update delete",
    ),
    _toolkit(
        "job_results",
        "tenant_id job_id owner_id name idempotency_key status progress result error attempts enqueued_at started_at"
        " finished_at outages",
        protected=True,
        app="select insert update delete",
        ops="select update",
    ),
    _toolkit("job_schedules", "name last_tick", app="select insert update", ops="select"),
)
