"""Invitations by admins, and requests to join: opened, approved and withdrawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import ApproveRequest, Invite, RevokeInvitation, SignUp
from services.users.domain import (
    AlreadyInvited,
    AlreadyMember,
    Email,
    Invitation,
    TooManyInvitations,
    User,
    Withdrawal,
    may_be_taken_over,
    require_may_invite,
)
from services.users.domain.email import stored_forms
from services.users.handlers.kept_addresses import is_kept_for_another
from services.users.handlers.mail_bound import require_invitation_mail
from services.users.handlers.tenant_lock import lock_open_tenant
from services.users.tables import credentials, invitations, open_invitations, users
from waypost.kernel.errors import NotFound
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork

REQUEST_LIFETIME = timedelta(days=30)
MAX_OPEN = 1000
"""Limit of a tenant's open invitations, and of its requests. They are counted apart: each caller
can make requests, which must not stop the invitations.
"""
APPROVER_PAUSE = timedelta(hours=1)
"""Admins are mailed about requests at most this often: each caller can make a request. Counted from
a request that mailed them, so that a steady stream of requests does not silence all mails.
"""
MAX_APPROVERS = 20


async def invite(command: Invite, uow: UnitOfWork) -> Invitation:
    """Raises AddressNotVerified, RoleNotGrantable, AlreadyMember, AlreadyInvited,
    TooManyInvitations, TooManyInvitationMails.
    """
    await lock_open_tenant(command.tenant_id, uow)
    require_may_invite(await uow.load(User, command.inviter_id), command.role)
    await _require_invitable(command.email, command.invitation_id, command.at, uow)
    await _expire(command.email, command.at, uow)
    # The invitation answers a request of the address.
    request = (open_invitations.c.email == command.email, open_invitations.c.token_hash.is_(None))
    await withdraw_invitations(Withdrawal.REVOKED, command.at, uow, *request)
    invitation = Invitation(command.invitation_id, command.tenant_id)
    if not await _open(invitation, command.email, command.token.digest, command.token.expires_at, uow):
        raise AlreadyInvited
    await require_invitation_mail(command.email, command.tenant_id, command.at, uow)
    invitation.send(
        email=command.email,
        locale=command.locale,
        role=command.role,
        invited_by=command.inviter_id,
        token=command.token,
        at=command.at,
    )
    uow.add(invitation)
    return invitation


@dataclass(frozen=True, slots=True)
class RequestRoom:
    is_free: bool
    approvers: Sequence[UUID]
    """Admins to be mailed about a new request."""


async def room_for_request(command: SignUp, uow: UnitOfWork) -> RequestRoom:
    """Runs for free and for taken addresses, so that the time of its statements reveals nothing."""
    await _expire(command.registration.email, command.at, uow)
    recent = select(invitations.c.invitation_id).where(
        invitations.c.status == "requested",
        invitations.c.approvers_mailed,
        invitations.c.created_at > command.at - APPROVER_PAUSE,
    )
    admins = (
        select(users.c.user_id)
        .where(users.c.role.in_(("owner", "admin")), users.c.verified, ~users.c.suspended, ~recent.exists())
        .order_by(users.c.user_id)
        .limit(MAX_APPROVERS)
        .subquery()
    )
    approvers = select(func.array_agg(admins.c.user_id)).scalar_subquery()
    waiting = _counted(open_invitations.c.token_hash.is_(None)).scalar_subquery()
    row = (await uow.rows.execute(select(waiting.label("waiting"), approvers.label("approvers")))).one()
    return RequestRoom(row.waiting < MAX_OPEN, row.approvers or ())


async def request_to_join(command: SignUp, room: RequestRoom, uow: UnitOfWork) -> None:
    """Stores the request of an address that no user has, unless it waits already. Its password is
    not stored: the person sets one when the approved invitation has proved the address.
    """
    wanted = command.registration
    if not room.is_free:
        await _withdraw_oldest_request(command.at, uow)
    bare = Invitation(wanted.user_id, command.tenant_id)
    if not await _open(bare, wanted.email, None, command.at + REQUEST_LIFETIME, uow):
        return
    uow.add(
        Invitation.request(
            wanted.user_id,
            command.tenant_id,
            email=wanted.email,
            display_name=wanted.display_name,
            locale=wanted.locale,
            approvers=room.approvers,
            at=command.at,
        )
    )


async def approve_request(command: ApproveRequest, uow: UnitOfWork) -> Invitation:
    """Raises NotFound, InvitationNotWaiting, and what `invite` raises: the address may have become
    that of a member since the request.
    """
    await lock_open_tenant(next(iter(uow.tenants)), uow)
    this = open_invitations.c.invitation_id == command.invitation_id
    is_open = select(open_invitations.c.invitation_id).where(this, open_invitations.c.expires_at > command.at)
    if (await uow.rows.execute(is_open.with_for_update())).one_or_none() is None:
        raise _unknown(command.invitation_id)
    require_may_invite(await uow.load(User, command.inviter_id), Role.MEMBER)
    invitation = await uow.load(Invitation, command.invitation_id)
    invitation.require_waiting()
    await _require_invitable(Email(invitation.email), invitation.id, command.at, uow)
    await require_invitation_mail(invitation.email, invitation.tenant_id, command.at, uow)
    invitation.approve(command.inviter_id, command.token, command.at)
    await uow.rows.execute(
        update(open_invitations)
        .where(this)
        .values(token_hash=command.token.digest, expires_at=command.token.expires_at)
    )
    return invitation


async def revoke_invitation(command: RevokeInvitation, uow: UnitOfWork) -> None:
    """Raises NotFound, also for an invitation that was accepted or has expired."""
    this = open_invitations.c.invitation_id == command.invitation_id
    if not await withdraw_invitations(Withdrawal.REVOKED, command.at, uow, this):
        raise _unknown(command.invitation_id)


async def expire_invitations(at: datetime, uow: UnitOfWork) -> int:
    """Ends expired invitations and requests, and returns their number."""
    return await withdraw_invitations(Withdrawal.EXPIRED, at, uow, open_invitations.c.expires_at <= at)


async def withdraw_invitations(
    reason: Withdrawal, at: datetime, uow: UnitOfWork, *conditions: ColumnElement[bool]
) -> int:
    """Ends the open invitations and requests that meet the conditions, and erases their addresses.
    Returns their number.
    """
    id_ = open_invitations.c.invitation_id
    in_order = select(id_).where(*conditions).order_by(id_).with_for_update()  # no deadlock with another withdrawal
    ended = (await uow.rows.execute(in_order)).scalars().all()
    if ended:
        await uow.rows.execute(delete(open_invitations).where(id_.in_(ended)))
    for invitation_id in ended:
        invitation = await uow.load(Invitation, invitation_id)
        invitation.withdraw(reason, at)
        await uow.events.erase_personal_data(Invitation.aggregate_type, invitation_id)
        await uow.destroy_person_key(invitation.tenant_id, invitation_id)
    return len(ended)


async def _require_invitable(email: Email, invitation_id: UUID, at: datetime, uow: UnitOfWork) -> None:
    """Raises AlreadyMember, TooManyInvitations."""
    held = select(credentials.c.user_id).where(credentials.c.email.in_(stored_forms(email)))
    for holder in (await uow.rows.execute(held)).scalars().all():
        if not may_be_taken_over(await uow.load(User, holder)):
            raise AlreadyMember
    if await is_kept_for_another(email, invitation_id, at, uow):
        raise AlreadyMember
    if (await uow.rows.execute(_counted(open_invitations.c.token_hash.is_not(None)))).scalar_one() >= MAX_OPEN:
        raise TooManyInvitations


async def _withdraw_oldest_request(at: datetime, uow: UnitOfWork) -> None:
    """Each caller can make requests; old ones must not stop new ones. Concurrent sign-ups withdraw
    different requests.
    """
    oldest = (
        select(open_invitations.c.invitation_id)
        .where(open_invitations.c.token_hash.is_(None))
        .order_by(open_invitations.c.invitation_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    invitation_id = (await uow.rows.execute(oldest)).scalar_one_or_none()
    await withdraw_invitations(Withdrawal.EXPIRED, at, uow, open_invitations.c.invitation_id == invitation_id)


def _counted(condition: ColumnElement[bool]) -> Select[int]:
    """Counts up to MAX_OPEN."""
    limited = select(open_invitations.c.invitation_id).where(condition).limit(MAX_OPEN).subquery()
    return select(func.count()).select_from(limited)


async def _expire(email: str, at: datetime, uow: UnitOfWork) -> None:
    """Ends an expired invitation or request of the address, so that another one can be opened."""
    await withdraw_invitations(
        Withdrawal.EXPIRED, at, uow, open_invitations.c.email == email, open_invitations.c.expires_at <= at
    )


async def _open(
    invitation: Invitation, email: str, token_hash: bytes | None, expires_at: datetime, uow: UnitOfWork
) -> bool:
    """False if the address has an open invitation or request. The unique key decides between
    concurrent ones.
    """
    inserted = await uow.rows.execute(
        insert(open_invitations)
        .values(
            tenant_id=invitation.tenant_id,
            invitation_id=invitation.id,
            email=email,
            token_hash=token_hash,
            expires_at=expires_at,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "email"])
        .returning(open_invitations.c.invitation_id)
    )
    return inserted.one_or_none() is not None


def _unknown(invitation_id: UUID) -> NotFound:
    return NotFound(f"there is no open invitation or request {invitation_id}: it was accepted, revoked or has expired")
