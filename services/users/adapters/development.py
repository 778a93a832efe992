"""The user for whom `waypost token --dev` issues a token."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid5

from services.users.adapters.keys import sealing_key
from services.users.adapters.one_time_tokens import SealedBoxSealer, fresh_token
from services.users.adapters.passwords import Argon2Passwords
from services.users.commands import ChangeRole, OpenTenant, Registration, SetJoinPolicy, SignUp, VerifyEmail
from services.users.domain import JoinMode, JoinPolicy, OpaqueToken, Tenant, User
from services.users.domain.email import email_address
from waypost.engine.bus import Bus
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.web.principal import Principal

A = TypeVar("A", bound=Aggregate)

NAMESPACE = UUID("6f0d5b0e-7c0a-5a3c-9a6e-0d2f6a1b7c4e")
"""Namespace of development ids. They are derived from the tenant's name and the role, so each call
finds the user of an earlier call.
"""
VERIFICATION_LIFETIME = timedelta(minutes=5)
_EVERYBODY = JoinPolicy(mode=JoinMode.OPEN)


async def development_user(bus: Bus, keys: Path, tenant: str, role: Role) -> Principal:
    """Finds or creates a user of this role, with a verified address, in a tenant of this name."""
    tenant_id = TenantId(uuid5(NAMESPACE, tenant))
    with bound_tenants([tenant_id]):
        if await _found(bus, Tenant, tenant_id) is None:
            registration, token = await _registration(keys, tenant_id, Role.OWNER)
            await bus.handle(_opened(tenant_id, tenant, registration))
            await bus.handle(_proved(registration, token))
        user = await _found(bus, User, _user_id(tenant_id, role))
        if user is None:
            registration, token = await _registration(keys, tenant_id, role)
            await bus.handle(SetJoinPolicy(tenant_id=tenant_id, policy=_EVERYBODY, at=_now()))
            user = await bus.handle(SignUp(tenant_id=tenant_id, registration=registration, at=_now()))
            await bus.handle(_proved(registration, token))
        if user.role is not role:
            user = await bus.handle(ChangeRole(user_id=user.id, role=role, expected_version=None, at=_now()))
    return Principal(user_id=user.id, tenant_id=tenant_id, role=user.role)


async def _found(bus: Bus, kind: type[A], id: UUID) -> A | None:  # noqa: A002 - the name in the unit of work
    async with bus.units.begin() as uow:
        return await uow.find(kind, id)


async def _registration(keys: Path, tenant_id: TenantId, role: Role) -> tuple[Registration, OpaqueToken]:
    """The password is random: such a user signs in with a token, or requests a password link."""
    token = fresh_token(tenant_id)
    sealer = SealedBoxSealer(*sealing_key(keys))
    registration = Registration(
        user_id=_user_id(tenant_id, role),
        email=email_address(f"{role}.{tenant_id.hex}@development.example.com"),
        display_name=f"Development {role}",
        locale="en",
        password_hash=await Argon2Passwords(threads=1, queue=0).hash(secrets.token_urlsafe()),
        verification=sealer.seal(token, _now() + VERIFICATION_LIFETIME),
    )
    return registration, token


def _opened(tenant_id: TenantId, name: str, owner: Registration) -> OpenTenant:
    return OpenTenant(tenant_id=tenant_id, name=name, owner=owner, join_policy=_EVERYBODY, at=_now())


def _proved(registration: Registration, token: OpaqueToken) -> VerifyEmail:
    return VerifyEmail(digest=token.digest, verified_hash=registration.password_hash, at=_now())


def _user_id(tenant_id: TenantId, role: Role) -> UUID:
    return uuid5(tenant_id, role)


def _now() -> datetime:
    return datetime.now(UTC)
