"""Jobs of the users service."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from services.users.adapters.one_time_tokens import fresh_token
from services.users.commands import CreatePasswordLink
from services.users.handlers.absent_customers import forget_absent
from services.users.handlers.invitations import expire_invitations
from services.users.handlers.key_marks import (
    create_missing_invitation_keys,
    create_missing_user_keys,
    destroy_remaining_keys,
    repeat_key_marks,
)
from services.users.handlers.mail_bound import forget_mails
from services.users.handlers.passwords import create_password_link
from services.users.handlers.sign_in_attempts import is_forgotten
from services.users.handlers.tenant_lock import lock_against_closing
from services.users.jobs.data_export import export_user
from services.users.ports import JobResources
from services.users.tables import (
    billed_invoices,
    billed_subscriptions,
    email_changes,
    exports,
    password_reset_tokens,
    refresh_tokens,
    sessions,
    sign_in_failures,
    verification_tokens,
)
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.jobs.tenant_directory import all_tenants
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

PASSWORD_LINK_LIFETIME = timedelta(hours=1)


async def mail_password_link(job: JobContext[JobResources], user_id: UUID) -> bool:
    """Creates and mails a password link. Returns whether the user may receive one."""
    now = job.clock.now()
    token = job.resources.sealer.seal(fresh_token(job.tenant_id), now + PASSWORD_LINK_LIFETIME)
    async with job.begin() as uow:
        return await create_password_link(CreatePasswordLink(user_id=user_id, token=token, at=now), uow)


async def cleanup_expired(job: JobContext[JobResources]) -> int:
    """Deletes expired tokens and old failures, ends expired invitations and requests, and returns
    their number. Also deletes expired exports and old counts of mails, repeats the marks of
    destroyed keys, creates the keys of people from before the encryption, and destroys keys that an
    erasure left, and deletes rows of the overview that an erasure left.

    Waits for the end of the tenant and for concurrent ends of an invitation, and for no other
    row: it leaves a row that a command locks to the next run. So it cannot deadlock with a command.
    """
    now = job.clock.now()
    async with job.begin() as uow:
        await lock_against_closing(job.tenant_id, uow)
        removed = await expire_invitations(now, uow)
        await _delete_unlocked(sessions, sessions.c.expires_at <= now, uow)
        await _delete_unlocked(exports, exports.c.expires_at <= now, uow)
        removed += await _delete_unlocked(email_changes, email_changes.c.cancel_expires_at <= now, uow)
        for table in (refresh_tokens, verification_tokens, password_reset_tokens):
            removed += await _delete_unlocked(table, table.c.expires_at <= now, uow)
        removed += await _delete_unlocked(sign_in_failures, is_forgotten(now), uow)
    async with job.begin() as uow:  # for all tenants: the rows belong to none, and are not counted
        await forget_mails(now, uow)
    await _in_parts(job, lambda tenant_id, after, uow: repeat_key_marks(tenant_id, now, after, uow))
    await _in_parts(job, create_missing_user_keys)
    await _in_parts(job, create_missing_invitation_keys)
    await _in_parts(job, destroy_remaining_keys)  # last, so that it sees keys created during an erasure
    for table in (billed_invoices, billed_subscriptions):
        await _in_parts(job, partial(forget_absent, table))
    return removed


async def _in_parts(
    job: JobContext[JobResources], handle_part: Callable[[TenantId, UUID, UnitOfWork], Awaitable[UUID | None]]
) -> None:
    """Handles each part in a separate transaction, so that no transaction grows with the tenant."""
    after: UUID | None = UUID(int=0)
    while after is not None:
        async with job.begin() as uow:
            after = await handle_part(job.tenant_id, after, uow)


async def _delete_unlocked(table: Table, condition: ColumnElement[bool], uow: UnitOfWork) -> int:
    """Deletes the rows that no other transaction locks, and returns their number."""
    key = table.primary_key.columns
    unlocked = select(*key).where(condition).with_for_update(skip_locked=True)
    return (await uow.rows.execute(delete(table).where(tuple_(*key).in_(unlocked)))).rowcount


# Clean-ups of large tenants use at most five of the ten slots of a process: links always find one.
JOBS: Sequence[Job] = [
    Job(mail_password_link, keeps_result=False, priority=10),
    Job(cleanup_expired, timeout_seconds=300, max_at_once=5),
    Job(export_user, keeps_result=False, timeout_seconds=120, max_at_once=2),
]

SCHEDULE: Sequence[Scheduled] = [Scheduled("cleanup_expired", at="02:00", tenants=all_tenants, skip_if_queued=True)]
"""Tokens of closed tenants expire too."""
