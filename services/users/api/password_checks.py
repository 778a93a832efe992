"""Checks of a password that a person already has. No database connection is held meanwhile."""

from services.users import queries
from services.users.api.context import Context
from services.users.commands import JudgePassword
from services.users.domain import PasswordRefused
from services.users.domain.sign_in_delay import caller_key, link_key
from services.users.ports import Share
from waypost.kernel.ids import TenantId
from waypost.web.principal import Principal


async def require_own_password(
    password: str, own: queries.Credentials | None, caller: Principal, context: Context
) -> queries.Credentials:
    """The caller's credentials `own`, after the check. Raises PasswordRefused, also for a user who
    was erased.
    """
    if own is None:
        raise PasswordRefused
    share = Share(tenant=caller.tenant_id, network=caller.user_id)
    await _check(password, own.password_hash, caller_key(own.user_id), caller.tenant_id, share, context)
    return own


async def require_password_of_link(
    password: str, of_link: queries.Credentials, tenant_id: TenantId, share: Share, context: Context
) -> str:
    """The hash against which the password was verified. Raises PasswordRefused."""
    await _check(password, of_link.password_hash, link_key(of_link.user_id), tenant_id, share, context)
    return of_link.password_hash


async def _check(
    password: str, password_hash: str, failure_key: str, tenant_id: TenantId, share: Share, context: Context
) -> None:
    """Raises PasswordRefused for a wrong password, and for every password during the delay."""
    is_right = await context.resources.passwords.matches(password, password_hash, share)
    judge = JudgePassword(tenant_id=tenant_id, failure_key=failure_key, is_right=is_right, at=context.now)
    if not await context.bus.handle(judge):
        raise PasswordRefused
