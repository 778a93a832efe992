"""Commands on webhook endpoints. Each locks the endpoint's row, and adds a row to its history."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, delete, func, insert, select, update

from services.notifications.commands import (
    ChangeWebhookEndpoint,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    NewWebhookSecret,
    RotateWebhookSecret,
)
from services.notifications.domain.webhook_pauses import with_period
from services.notifications.handlers.webhook_jobs import enqueue_sending, is_slow
from services.notifications.queries.webhook_tables import webhook_changes, webhook_endpoints, webhook_secrets
from services.notifications.queries.webhooks import valid_secrets
from waypost.kernel.errors import ConcurrencyConflict, Conflict, NotFound, TooManyRequests
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()

MAX_ENDPOINTS = 10
"""Endpoints of a tenant."""
MAX_SECRETS = 3
"""Secrets of an endpoint that sign at the same time."""

_LOCK_TENANT = "select pg_advisory_xact_lock(hashtextextended('webhook endpoints ' || $1::text, 0))"


class DisabledReason(StrEnum):
    REQUESTED = "requested"
    """By an admin."""
    GONE = "gone"
    """The endpoint answered 410."""
    FAILING = "failing"
    """No request succeeded for days."""


class TooManyEndpoints(Conflict):
    """The tenant has the largest number of webhook endpoints already: delete one first."""


async def create_endpoint(command: CreateWebhookEndpoint, uow: UnitOfWork) -> None:
    """Raises TooManyEndpoints."""
    await uow.query(_LOCK_TENANT, str(command.tenant_id))
    count = (await uow.rows.execute(select(func.count()).select_from(webhook_endpoints))).scalar_one()
    if count >= MAX_ENDPOINTS:
        raise TooManyEndpoints(f"a tenant has at most {MAX_ENDPOINTS} webhook endpoints: delete one first")
    await uow.rows.execute(
        insert(webhook_endpoints).values(
            tenant_id=command.tenant_id,
            endpoint_id=command.endpoint_id,
            url=command.url,
            event_types=_listed(command.event_types),
            subscribed_since=_since(command.event_types, command.at),
            enabled=True,
            version=1,
            created_at=command.at,
            unanswered=0,
        )
    )
    await _add_secret(command.tenant_id, command.endpoint_id, command.secret, command.at, uow)
    await _add_change(command.tenant_id, command.endpoint_id, 1, "created", command.at, uow)


async def change_endpoint(command: ChangeWebhookEndpoint, uow: UnitOfWork) -> None:
    """Raises NotFound, ConcurrencyConflict."""
    row = await locked(command.endpoint_id, uow)
    if command.expected_version is not None and command.expected_version != row.version:
        raise ConcurrencyConflict("webhook_endpoint", command.endpoint_id, command.expected_version)
    values: dict[str, Any] = {}
    if command.url is not None and command.url != row.url:
        values |= {"url": command.url}
    if command.event_types is not None and _listed(command.event_types) != row.event_types:
        since = {**_since(command.event_types, command.at), **_kept(row.subscribed_since, command.event_types)}
        values |= {"event_types": _listed(command.event_types), "subscribed_since": since}
    if command.enabled is not None and command.enabled != row.enabled:
        values |= _enabled() if command.enabled else _disabled(DisabledReason.REQUESTED, command.at)
    if values.get("enabled"):  # the events from between are not sent, also by a replay
        values |= _after_pause(row, values.get("subscribed_since", row.subscribed_since), command.at)
    if not values:
        return
    # Failures at the earlier URL say nothing about the new one: the next request is sent at once.
    # `unanswered` stays until an answer: a change must not give slots of endpoints that answer.
    tried = {"failing_since": None, "resume_at": None} if {"url", "enabled"} & values.keys() else {}
    changed = [name for name in ("url", "event_types", "enabled") if name in values]
    await _change(row, ", ".join(changed), command.at, uow, **values, **tried)
    if values.get("enabled", row.enabled):
        await enqueue_sending(command.endpoint_id, uow, is_slow=is_slow(row))


async def delete_endpoint(command: DeleteWebhookEndpoint, uow: UnitOfWork) -> None:
    """Raises NotFound."""
    row = await locked(command.endpoint_id, uow)
    await _add_change(row.tenant_id, row.endpoint_id, row.version + 1, "deleted", command.at, uow)
    for table in (webhook_secrets, webhook_endpoints):
        await uow.rows.execute(delete(table).where(table.c.endpoint_id == command.endpoint_id))
    await uow.jobs.enqueue("prune_webhooks")


async def rotate_secret(command: RotateWebhookSecret, uow: UnitOfWork) -> None:
    """Raises NotFound, and TooManyRequests if too many earlier secrets are still valid."""
    row = await locked(command.endpoint_id, uow)
    columns = webhook_secrets.c
    of_endpoint = columns.endpoint_id == command.endpoint_id
    await uow.rows.execute(delete(webhook_secrets).where(of_endpoint, columns.expires_at <= command.at))
    if command.overlap_seconds == 0:
        await uow.rows.execute(delete(webhook_secrets).where(of_endpoint))
    elif len(valid := await valid_secrets(uow.rows, command.endpoint_id, command.at)) >= MAX_SECRETS:
        first_end = min(each.expires_at for each in valid if each.expires_at is not None)
        raise TooManyRequests(
            f"{MAX_SECRETS} secrets of this endpoint are valid: wait until {first_end.isoformat()}, or rotate with"
            " overlap_seconds 0, which ends all earlier secrets at once",
            retry_after=max(first_end - command.at, timedelta(seconds=1)),
        )
    current = update(webhook_secrets).where(of_endpoint, columns.expires_at.is_(None))
    await uow.rows.execute(current.values(expires_at=command.at + timedelta(seconds=command.overlap_seconds)))
    await _add_secret(command.tenant_id, command.endpoint_id, command.secret, command.at, uow)
    await _change(row, "secret", command.at, uow)


async def disable_endpoint(row: Row[Any], reason: DisabledReason, at: datetime, uow: UnitOfWork) -> None:
    """Disables an endpoint by itself, whose row is locked. A job mails the owner."""
    await _change(row, f"disabled: {reason}", at, uow, **_disabled(reason, at))
    await uow.jobs.enqueue("tell_of_disabled_webhook", endpoint_id=row.endpoint_id, reason=reason.value, at=at)
    log.warning("webhook_endpoint_disabled", endpoint_id=str(row.endpoint_id), reason=reason.value)


async def locked(endpoint_id: UUID, uow: UnitOfWork) -> Row[Any]:
    """The endpoint, locked until the transaction ends. Raises NotFound."""
    query = select(webhook_endpoints).where(webhook_endpoints.c.endpoint_id == endpoint_id).with_for_update()
    row = (await uow.rows.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}")
    return row


async def delete_endpoints_of_tenant(at: datetime, uow: UnitOfWork) -> None:
    """For a closed tenant. Repeated, does nothing."""
    endpoints = (await uow.rows.execute(select(webhook_endpoints).with_for_update())).all()
    if not endpoints:
        return
    for row in endpoints:
        await _add_change(row.tenant_id, row.endpoint_id, row.version + 1, "deleted", at, uow)
    for table in (webhook_secrets, webhook_endpoints):
        await uow.rows.execute(delete(table))
    await uow.jobs.enqueue("prune_webhooks")


def _listed(event_types: Any) -> list[str]:
    return sorted({str(each) for each in event_types})


def _since(event_types: Any, at: datetime) -> dict[str, str]:
    return {str(each): at.isoformat() for each in event_types}


def _kept(since: Mapping[str, str], event_types: Any) -> dict[str, str]:
    kept = {str(each) for each in event_types}
    return {name: time for name, time in since.items() if name in kept}


def _after_pause(row: Row[Any], since: Mapping[str, str], at: datetime) -> dict[str, Any]:
    periods, since = with_period(row.disabled_periods, since, row.disabled_at or at, at)
    return {"disabled_periods": periods, "subscribed_since": since}


def _enabled() -> dict[str, Any]:
    return {"enabled": True, "disabled_reason": None, "disabled_at": None}


def _disabled(reason: DisabledReason, at: datetime) -> dict[str, Any]:
    return {"enabled": False, "disabled_reason": reason.value, "disabled_at": at}


async def _change(row: Row[Any], change: str, at: datetime, uow: UnitOfWork, **values: Any) -> None:
    version = row.version + 1
    of_row = webhook_endpoints.c.endpoint_id == row.endpoint_id
    await uow.rows.execute(update(webhook_endpoints).where(of_row).values(version=version, **values))
    await _add_change(row.tenant_id, row.endpoint_id, version, change, at, uow)


async def _add_change(
    tenant_id: UUID, endpoint_id: UUID, version: int, change: str, at: datetime, uow: UnitOfWork
) -> None:
    values = {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "version": version, "change": change}
    await uow.rows.execute(insert(webhook_changes).values(**values, actor_id=uow.cause.actor_id, changed_at=at))


async def _add_secret(
    tenant_id: TenantId, endpoint_id: UUID, secret: NewWebhookSecret, at: datetime, uow: UnitOfWork
) -> None:
    await uow.rows.execute(
        insert(webhook_secrets).values(
            tenant_id=tenant_id,
            endpoint_id=endpoint_id,
            secret_id=secret.secret_id,
            sealing_key_id=secret.sealing_key_id,
            sealed=secret.sealed,
            created_at=at,
        )
    )
