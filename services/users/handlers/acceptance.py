"""The acceptance of an invitation proves the address, and ends the credentials of earlier sign-ups.

The order of locks is that of `tenant_lock`.
"""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import AcceptInvitation
from services.users.domain import (
    AlreadyMember,
    Email,
    Invitation,
    TokenNotValid,
    User,
    may_be_taken_over,
    may_invite,
)
from services.users.domain.email import canonical_form
from services.users.handlers.kept_addresses import is_kept_for_another
from services.users.handlers.passwords import set_password
from services.users.handlers.sessions import end_sessions_of
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.handlers.stored_addresses import adopt_canonical_form
from services.users.handlers.tenant_lock import lock_bound_tenant
from services.users.tables import credentials, open_invitations, verification_tokens
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def accept_invitation(command: AcceptInvitation, uow: UnitOfWork) -> User:
    """The reader of the mail joins, with a verified address. A registration of the address that was
    not verified becomes theirs: its password, its links and its sessions end.

    Raises TokenNotValid, also if the person who invited may not do so any more; AlreadyMember.
    """
    tenant = await lock_bound_tenant(uow)
    query = select(open_invitations.c.email).where(
        open_invitations.c.token_hash == command.digest, open_invitations.c.expires_at > command.at
    )
    stored = (await uow.rows.execute(query)).scalar_one_or_none()
    if tenant is None or stored is None:
        raise TokenNotValid
    email = canonical_form(stored)
    await adopt_canonical_form(Email(email), uow)
    holder = await _claim_or_lock(command, email, uow)
    if await is_kept_for_another(email, holder, command.at, uow):
        raise AlreadyMember
    invitation = await uow.load(Invitation, await _consume(command, uow))
    tenant.require_open()
    role = await _granted_role(invitation, uow)
    if holder == command.user_id:
        user = _new_user(command, invitation, role)
        uow.add(user)
    else:
        user = await _taken_over(await uow.load(User, holder), command, invitation, role, uow)
    await forget_failures(user.id, uow)
    invitation.accept(user.id, command.at)
    await uow.events.erase_personal_data(Invitation.aggregate_type, invitation.id)
    await uow.destroy_person_key(invitation.tenant_id, invitation.id)
    return user


async def _claim_or_lock(command: AcceptInvitation, email: str, uow: UnitOfWork) -> UUID:
    """The user of the address, whose credentials are locked: the new one, or an earlier one."""
    tenant_id = next(iter(uow.tenants))
    await uow.rows.execute(
        insert(credentials)
        .values(
            tenant_id=tenant_id,
            user_id=command.user_id,
            email=email,
            password_hash=command.password_hash,
            changed_at=command.at,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "email"])
    )
    query = select(credentials.c.user_id).where(credentials.c.email == email).with_for_update()
    user_id: UUID | None = (await uow.rows.execute(query)).scalar_one_or_none()
    if user_id is None:  # the earlier user was erased in between
        raise TokenNotValid
    return user_id


async def _consume(command: AcceptInvitation, uow: UnitOfWork) -> UUID:
    """The invitation's id. Of concurrent acceptances one gets it; the others raise
    TokenNotValid.
    """
    statement = (
        delete(open_invitations)
        .where(open_invitations.c.token_hash == command.digest, open_invitations.c.expires_at > command.at)
        .returning(open_invitations.c.invitation_id)
    )
    invitation_id: UUID | None = (await uow.rows.execute(statement)).scalar_one_or_none()
    if invitation_id is None:
        raise TokenNotValid
    return invitation_id


async def _granted_role(invitation: Invitation, uow: UnitOfWork) -> Role:
    """Raises TokenNotValid if the person who invited was suspended, demoted or erased since."""
    if invitation.role is None or invitation.invited_by is None:
        raise TokenNotValid
    if not may_invite(await uow.load(User, invitation.invited_by), invitation.role):
        raise TokenNotValid
    return invitation.role


def _new_user(command: AcceptInvitation, invitation: Invitation, role: Role) -> User:
    user = User.create(
        command.user_id,
        invitation.tenant_id,
        email=invitation.email,
        display_name=command.display_name,
        role=role,
        locale=command.locale or invitation.locale,
        at=command.at,
    )
    user.verify_email(command.at)
    return user


async def _taken_over(
    user: User, command: AcceptInvitation, invitation: Invitation, role: Role, uow: UnitOfWork
) -> User:
    if not may_be_taken_over(user):
        raise AlreadyMember
    user.verify_email(command.at)
    if await end_sessions_of(user, uow):
        user.end_sessions(command.at)
    await set_password(user.id, command.password_hash, command.at, uow)
    await uow.rows.execute(delete(verification_tokens).where(verification_tokens.c.user_id == user.id))
    user.update_profile(command.at, display_name=command.display_name, locale=command.locale or invitation.locale)
    user.change_role(role, command.at)
    return user
