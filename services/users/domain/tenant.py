"""A customer organization: the owner of users, invoices and mails."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from schemas.users import TenantClosed, TenantCreated, TenantJoinPolicyChanged, TenantRenamed
from services.users.domain.errors import TenantIsClosed
from services.users.domain.join_policy import JoinMode, JoinPolicy
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.stored_kinds import known_member


class TenantStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Tenant(Aggregate):
    """The aggregate's id is the tenant id."""

    aggregate_type: ClassVar[str] = "tenant"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.name = ""
        self.status = TenantStatus.OPEN
        self.join_policy = JoinPolicy()

    @classmethod
    def create(cls, tenant_id: TenantId, name: str, at: datetime) -> Self:
        tenant = cls(tenant_id, tenant_id)
        tenant.record(TenantCreated(tenant_id=tenant_id, name=name, created_at=at))
        return tenant

    def require_open(self) -> None:
        """Raises TenantIsClosed."""
        if self.status is TenantStatus.CLOSED:
            raise TenantIsClosed

    def set_join_policy(self, policy: JoinPolicy, at: datetime) -> None:
        """Records nothing if the policy is the current one."""
        if policy != self.join_policy:
            self.record(
                TenantJoinPolicyChanged(
                    tenant_id=self.tenant_id, mode=policy.mode.value, domains=policy.domains, changed_at=at
                )
            )

    def rename(self, name: str, at: datetime) -> None:
        """Records nothing for the present name. Raises TenantIsClosed."""
        self.require_open()
        if name != self.name:
            self.record(TenantRenamed(tenant_id=self.tenant_id, name=name, renamed_at=at))

    def close(self, reason: str, at: datetime) -> None:
        """Reason: `requested` or `nonpayment`. The tenant's last event; a repeated call changes
        nothing.
        """
        if self.status is TenantStatus.OPEN:
            self.record(TenantClosed(tenant_id=self.tenant_id, reason=reason, closed_at=at))

    def apply(self, event: Event) -> None:
        match event:
            case TenantCreated(name=name) | TenantRenamed(name=name):
                self.name = name
            case TenantJoinPolicyChanged(mode=mode, domains=domains):
                self.join_policy = JoinPolicy(mode=known_member(JoinMode, mode), domains=tuple(domains))
            case TenantClosed():
                self.status = TenantStatus.CLOSED
            case _:
                raise TypeError(f"{event.type} is not an event of a tenant")
