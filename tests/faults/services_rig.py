"""The three services on a broker that the test may kill or change."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.billing.app import SERVICE as BILLING
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.users.app import SERVICE as USERS
from services.users.domain import Tenant, User
from tests.fixtures.outbox import pending
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.postgres.audit import OperatorAction, operator_actions
from waypost.postgres.database import Database as Pool
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected
from waypost.testing.hosted import HostedService, hosted

SERVICES = (USERS, BILLING, NOTIFICATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesRig:
    bootstrap: str
    folder: Path
    users: HostedService
    billing: HostedService
    notifications: HostedService
    databases: Mapping[str, ServiceDatabase]
    tenant_id: TenantId

    async def open_tenant(self) -> None:
        with bound_tenants([self.tenant_id]):
            async with self.users.runtime.units.begin() as uow:
                uow.add(Tenant.create(self.tenant_id, "Analytical Engines", self.users.runtime.clock.now()))

    async def sign_up(self, name: str) -> User:
        """Version 1 of a new user."""
        user_id = new_id()
        user = User.create(
            user_id,
            self.tenant_id,
            email=f"{user_id}@example.com",
            display_name=name,
            role=Role.MEMBER,
            locale="en",
            at=self.users.runtime.clock.now(),
        )
        with bound_tenants([self.tenant_id]):
            async with self.users.runtime.units.begin() as uow:
                uow.add(user)
        return user

    async def rename(self, person: User, name: str) -> None:
        """The user's next version."""
        with bound_tenants([self.tenant_id]):
            async with self.users.runtime.units.begin() as uow:
                user = await uow.load(User, person.id)
                user.update_profile(self.users.runtime.clock.now(), display_name=name)

    async def all_is_published(self) -> bool:
        async with connected(self.databases["users"].owner) as owner:
            return await pending(owner) == 0

    async def unsettled(self, service: str) -> Sequence[tuple[Any, ...]]:
        """Open dead letters."""
        query = "select consumer, status, sequence from dead_letters where status in ('retrying', 'dead', 'waiting')"
        async with connected(self.databases[service].owner) as owner:
            return [tuple(row) for row in await owner.fetch(query)]

    async def all_are_settled(self) -> bool:
        """No dead letter is open. Some wait for a row or a key from another topic."""
        return await self.unsettled("billing") == await self.unsettled("notifications") == []

    async def actions(self) -> Sequence[OperatorAction]:
        """Operator actions on the users service."""
        ops = Pool(self.databases["users"].ops, application_name="tests", pool_size=1)
        try:
            return await operator_actions(ops)
        finally:
            await ops.close()

    def write_environment(self) -> None:
        for name, database in self.databases.items():
            roles = {key: getattr(database, key) for key in ("owner", "app", "relay", "ops")}
            variables = {f"WAYPOST_{role.upper()}_DSN": dsn for role, dsn in roles.items()}
            variables["WAYPOST_KAFKA_BOOTSTRAP"] = self.bootstrap
            lines = "".join(f"{variable}={value}\n" for variable, value in variables.items())
            (self.folder / f"{name}.env").write_text(lines)


@asynccontextmanager
async def services_rig(bootstrap: str, database: Databases, folder: Path) -> AsyncIterator[ServicesRig]:
    databases = {service.name: await database(service.name) for service in SERVICES}
    async with services_rig_on(bootstrap, databases, folder) as services:
        yield services


@asynccontextmanager
async def services_rig_on(
    bootstrap: str, databases: Mapping[str, ServiceDatabase], folder: Path
) -> AsyncIterator[ServicesRig]:
    """The services on databases that the test created."""
    async with AsyncExitStack() as stack:
        made = {}
        for this_service in SERVICES:
            one = hosted(this_service, databases[this_service.name], bootstrap=bootstrap)
            made[this_service.name] = await stack.enter_async_context(one)
        services = ServicesRig(
            bootstrap=bootstrap, folder=folder, databases=databases, tenant_id=TenantId(new_id()), **made
        )
        services.write_environment()
        yield services
