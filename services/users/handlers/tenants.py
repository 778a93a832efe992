"""A tenant as a whole: its name, its owner, its end."""

from sqlalchemy import delete, select

from services.users.commands.identity import CloseTenant, RenameTenant, TransferOwnership
from services.users.domain import (
    NewOwnerNotActive,
    NotTheOwner,
    OwnerNotVerified,
    Tenant,
    User,
    UserStatus,
    Withdrawal,
)
from services.users.handlers.confirmation import require_confirmed
from services.users.handlers.invitations import withdraw_invitations
from services.users.handlers.tenant_lock import lock_for_closing
from services.users.tables import (
    credentials,
    email_changes,
    exports,
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
    NotTheOwner, NotFound, NewOwnerNotActive, OwnerNotVerified, ConfirmationRequired.
    """
    await require_confirmed(command.actor, command.at, uow)
    owner = await uow.load(User, command.actor.user_id)
    new_owner = await uow.load(User, command.new_owner_id)
    if owner.role is not Role.OWNER:
        raise NotTheOwner
    if new_owner is owner:
        return owner
    new_owner.require_present()
    if new_owner.status is not UserStatus.ACTIVE:
        raise NewOwnerNotActive
    if not owner.verified:
        raise OwnerNotVerified
    owner.change_role(Role.ADMIN, command.at)
    new_owner.change_role(Role.OWNER, command.at)
    return new_owner


async def close_tenant(command: CloseTenant, uow: UnitOfWork) -> None:
    """Ends all sessions, links, exports, invitations and requests of the tenant, also those of
    commands that run at the same time: it waits for them, and later ones see the closed tenant.
    Raises ConfirmationRequired.
    """
    tenant = await lock_for_closing(command.tenant_id, uow)
    await require_confirmed(command.actor, command.at, uow)
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
        exports,
        sign_in_failures,
    ):
        await uow.rows.execute(delete(table).where(table.c.tenant_id == tenant.id))
    await withdraw_invitations(Withdrawal.REVOKED, command.at, uow, open_invitations.c.tenant_id == tenant.id)
