"""Notifications about a user's account."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.users import UserPasswordChanged, UserReactivated, UserRoleChanged, UserSuspended
from services.notifications.domain import Facts, NotificationKind
from services.notifications.handlers.event_notices import queue_about
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork


async def password_changed(changed: Envelope[UserPasswordChanged], uow: UnitOfWork) -> None:
    facts: Facts = {"method": changed.event.method, "changed_at": changed.event.changed_at.isoformat()}
    await _queue(changed, NotificationKind.PASSWORD_CHANGED, facts, changed.event.changed_at, uow)


async def role_changed(changed: Envelope[UserRoleChanged], uow: UnitOfWork) -> None:
    facts: Facts = {"role": changed.event.role, "previous_role": changed.event.previous_role}
    await _queue(changed, NotificationKind.ROLE_CHANGED, facts, changed.event.changed_at, uow)


async def account_suspended(suspended: Envelope[UserSuspended], uow: UnitOfWork) -> None:
    facts: Facts = {"reason": suspended.event.reason}
    await _queue(suspended, NotificationKind.ACCOUNT_SUSPENDED, facts, suspended.event.suspended_at, uow)


async def account_reactivated(reactivated: Envelope[UserReactivated], uow: UnitOfWork) -> None:
    await _queue(reactivated, NotificationKind.ACCOUNT_REACTIVATED, {}, reactivated.event.reactivated_at, uow)


async def _queue(
    envelope: Envelope[Event], kind: NotificationKind, facts: Facts, at: datetime, uow: UnitOfWork
) -> None:
    await queue_about(envelope, kind, envelope.aggregate_id, facts, at, uow)


ACCOUNT_NOTICES: Mapping[type[Event], Any] = {
    UserPasswordChanged: password_changed,
    UserRoleChanged: role_changed,
    UserSuspended: account_suspended,
    UserReactivated: account_reactivated,
}
