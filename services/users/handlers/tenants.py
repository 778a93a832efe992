"""A tenant as a whole: its name, its owner, its end."""

from sqlalchemy import delete, select

from services.users.commands.identity import CloseTenant, RenameTenant, TransferOwnership
from services.users.domain import HeirNotActive, NotTheOwner, OwnerNotVerified, Tenant, User, UserStatus, Withdrawal
from services.users.handlers.confirmation import require_confirmed
from services.users.handlers.invitations import withdraw_invitations
from services.users.tables import (
    credentials,
    email_changes,
    open_invitations,
    password_reset_tokens,
    refresh_tokens,
    sessions,
    sign_in_failures,
    verification_tokens,
)
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def rename_tenant(command: RenameTenant, uow: UnitOfWork) -> Tenant:
    """Raises TenantIsClosed."""
    tenant = await uow.load(Tenant, command.tenant_id)
    tenant.rename(command.name, command.at)
    return tenant


async def transfer_ownership(command: TransferOwnership, uow: UnitOfWork) -> User:
    """A tenant has exactly one owner at all times: both roles change in one transaction. Raises
    NotTheOwner, NotFound, HeirNotActive, OwnerNotVerified, ConfirmationRequired.
    """
    await require_confirmed(command.actor, command.at, uow)
    owner, heir = await uow.load(User, command.actor.user_id), await uow.load(User, command.heir_id)
    if owner.role is not Role.OWNER:
        raise NotTheOwner
    if heir is owner:
        return owner
    heir.require_present()
    if heir.status is not UserStatus.ACTIVE:
        raise HeirNotActive
    if not owner.verified:
        raise OwnerNotVerified
    owner.change_role(Role.ADMIN, command.at)
    heir.change_role(Role.OWNER, command.at)
    return heir


async def close_tenant(command: CloseTenant, uow: UnitOfWork) -> None:
    """Ends all sessions, links, invitations and requests of the tenant. Raises
    ConfirmationRequired.
    """
    await require_confirmed(command.actor, command.at, uow)
    tenant = await uow.load(Tenant, command.tenant_id)
    tenant.close("requested", command.at)
    # Waits for concurrent sign-ins and renewals; later ones see the closed tenant.
    everyone = select(credentials.c.user_id).where(credentials.c.tenant_id == tenant.id)
    await uow.rows.execute(everyone.order_by(credentials.c.user_id).with_for_update())
    for table in (
        refresh_tokens,
        sessions,
        verification_tokens,
        password_reset_tokens,
        email_changes,
        sign_in_failures,
    ):
        await uow.rows.execute(delete(table).where(table.c.tenant_id == tenant.id))
    await withdraw_invitations(Withdrawal.REVOKED, command.at, uow, open_invitations.c.tenant_id == tenant.id)
