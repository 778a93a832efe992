"""The three databases, read as the superuser: no policy hides a row from the checker."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from infra.stack.environment import Environments
from services.billing.app import SERVICE as BILLING
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.users.app import SERVICE as USERS
from tests.faults.storm.evidence import Row, StoredEvent
from waypost.hosting.service import Service
from waypost.ports.consumers import AsyncProjection, group_name, topics_of
from waypost.schemas.application import application_codec

SERVICES: Sequence[Service] = (USERS, BILLING, NOTIFICATIONS)

_EVENTS = """
select tenant_id, aggregate_id, version, event_id, type, payload,
       metadata->>'ce_correlationid' as correlation_id, metadata->>'ce_causationid' as causation_id
from events order by position"""
_ANSWERS = "select tenant_id::text, route, key, status, body from idempotency_keys"
_TAKEN_IN = "select consumer, event_id from processed_messages"
_GUARDS = "select consumer, topic, aggregate_id, version from consumer_versions"
_JOBS = "select job_id, tenant_id, name, idempotency_key, status, attempts + outages as executions from job_results"
_DIRECTORY = "select tenant_id from tenants.tenant_directory"

_OF_BILLING = {
    "customers": "select tenant_id, customer_id, email from customers.customers",
    "attempts": "select * from payment_attempts",
    "invoices": "select * from invoices.invoices",
    "postings": "select * from ledger.postings",
    "windows": "select * from revenue.revenue_windows where \"window\" = 'day'",
}
_OF_NOTIFICATIONS = {"recipients": "select tenant_id, user_id, email from recipients.recipients"}


async def stored(environments: Environments) -> dict[str, Any]:
    """The fields of `Evidence` that come from databases."""
    found: dict[str, Any] = {"events": [], "stored_responses": {}, "guards": {}, "jobs": [], "directories": {}}
    processed: dict[str, set[UUID]] = defaultdict(set)
    for service in SERVICES:
        connection = await asyncpg.connect(database_dsn(environments, service.name))
        try:
            found["events"] += await _events(service, connection)
            found["stored_responses"] |= await _stored_responses(connection)
            found["guards"] |= await _guards(service, connection)
            found["jobs"] += [{**row, "service": service.name} for row in await connection.fetch(_JOBS)]
            found["directories"][service.name] = frozenset(
                row["tenant_id"] for row in await connection.fetch(_DIRECTORY)
            )
            for row in await connection.fetch(_TAKEN_IN):
                processed[row["consumer"]].add(row["event_id"])
            for name, query in _own_tables(service.name).items():
                found[name] = [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()
    consumers = {
        group_name(service.name, consumer): topics_of(consumer)
        for service in SERVICES
        for consumer in service.consumers
    }
    return {**found, "subscriptions": consumers, "processed": {name: frozenset(ids) for name, ids in processed.items()}}


def database_dsn(environments: Environments, service: str) -> str:
    return urlsplit(environments.admin_dsn)._replace(path=f"/{service}").geturl()


def _own_tables(service: str) -> Mapping[str, str]:
    return {"billing": _OF_BILLING, "notifications": _OF_NOTIFICATIONS}.get(service, {})


async def _events(service: Service, connection: asyncpg.Connection) -> list[StoredEvent]:
    codec = application_codec()
    return [
        StoredEvent(
            service=service.name,
            tenant_id=row["tenant_id"],
            aggregate_id=row["aggregate_id"],
            version=row["version"],
            event_id=row["event_id"],
            correlation_id=UUID(row["correlation_id"]),
            causation_id=UUID(row["causation_id"]),
            payload=row["payload"],
            event=codec.decode(row["type"], row["payload"]),
        )
        for row in await connection.fetch(_EVENTS)
    ]


async def _stored_responses(connection: asyncpg.Connection) -> dict[tuple[str, str, str], Row]:
    rows = await connection.fetch(_ANSWERS)
    return {
        (row["tenant_id"], row["route"], row["key"]): {"status": row["status"], "body": json.loads(row["body"])}
        for row in rows
    }


async def _guards(service: Service, connection: asyncpg.Connection) -> dict[tuple[str, str, UUID], int]:
    """Order guards; those of an async projection are in its own schema."""
    found = {tuple(row)[:3]: row["version"] for row in await connection.fetch(_GUARDS)}
    for consumer in service.consumers:
        if isinstance(consumer, AsyncProjection):
            rows = await connection.fetch(f"select topic, aggregate_id, version from {consumer.name}.versions")
            name = group_name(service.name, consumer)
            found |= {(name, row["topic"], row["aggregate_id"]): row["version"] for row in rows}
    return found
