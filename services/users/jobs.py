"""Jobs of the users service."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete

from services.users.adapters.one_time_tokens import fresh_token
from services.users.commands import CreatePasswordLink
from services.users.handlers.invitations import expire_invitations
from services.users.handlers.key_marks import KEYS_AT_ONCE, create_missing_keys, repeat_key_marks
from services.users.handlers.mail_bound import forget_mails
from services.users.handlers.passwords import create_password_link
from services.users.handlers.sign_in_attempts import forget_old_failures
from services.users.ports import JobResources
from services.users.tables import email_changes, password_reset_tokens, refresh_tokens, sessions, verification_tokens
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.jobs.tenant_directory import all_tenants

PASSWORD_LINK_LIFETIME = timedelta(hours=1)


async def mail_password_link(job: JobContext[JobResources], user_id: UUID) -> bool:
    """Creates and mails a password link. Returns whether the user may receive one."""
    now = job.clock.now()
    token = job.resources.sealer.seal(fresh_token(job.tenant_id), now + PASSWORD_LINK_LIFETIME)
    async with job.begin() as uow:
        return await create_password_link(CreatePasswordLink(user_id=user_id, token=token, at=now), uow)


async def cleanup_expired(job: JobContext[JobResources]) -> int:
    """Deletes expired tokens and old failures, ends expired invitations and requests, and returns
    their number. Also deletes old counts of mails, repeats the marks of destroyed keys, and creates
    the keys of people from before the encryption.
    """
    now = job.clock.now()
    removed = 0
    async with job.begin() as uow:
        removed += await expire_invitations(now, uow)
        for table in (verification_tokens, password_reset_tokens, refresh_tokens):
            removed += (await uow.rows.execute(delete(table).where(table.c.expires_at <= now))).rowcount
        await uow.rows.execute(delete(sessions).where(sessions.c.expires_at <= now))
        final = email_changes.c.cancel_expires_at <= now
        removed += (await uow.rows.execute(delete(email_changes).where(final))).rowcount
        removed += await forget_old_failures(now, uow)
        await repeat_key_marks(now, uow)
    async with job.begin() as uow:  # for all tenants: the rows belong to none, and are not counted
        await forget_mails(now, uow)
    await _create_missing_keys(job)
    return removed


async def _create_missing_keys(job: JobContext[JobResources]) -> None:
    while True:
        async with job.begin() as uow:
            if await create_missing_keys(uow) < KEYS_AT_ONCE:
                return


JOBS: Sequence[Job] = [Job(mail_password_link, keeps_result=False, priority=10), Job(cleanup_expired)]

SCHEDULE: Sequence[Scheduled] = [Scheduled("cleanup_expired", at="02:00", tenants=all_tenants)]
"""Tokens of closed tenants expire too."""
