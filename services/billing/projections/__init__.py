"""Read models: this service's own events in the business transaction, `tenants` and `revenue` from
their topics.
"""

from schemas.users import (
    PersonKeyCreated,
    PersonKeyDestroyed,
    TenantClosed,
    TenantCreated,
    TenantRenamed,
    UserCreated,
    UserErased,
    UserPasswordChanged,
    UserReactivated,
    UserRoleChanged,
    UserSessionsEnded,
    UserSuspended,
)
from services.billing.projections.customers import CUSTOMER_ROWS
from services.billing.projections.invoices import INVOICE_ROWS
from services.billing.projections.ledger import LEDGER_ROWS
from services.billing.projections.revenue import REVENUE_WINDOWS
from services.billing.projections.subscriptions import SUBSCRIPTION_ROWS
from waypost.engine.person_keys import person_keys_projection
from waypost.engine.principals import principals_projector
from waypost.jobs.tenant_directory import tenants_projection
from waypost.ports.person_keys import PersonKeyEvents

PROJECTIONS = [CUSTOMER_ROWS, INVOICE_ROWS, LEDGER_ROWS, SUBSCRIPTION_ROWS]

TENANT_DIRECTORY = tenants_projection(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)

PERSON_KEY_ROWS = person_keys_projection(PersonKeyEvents(created=PersonKeyCreated, destroyed=PersonKeyDestroyed))

PRINCIPALS = principals_projector(
    created=UserCreated,
    role_changed=UserRoleChanged,
    password_changed=UserPasswordChanged,
    suspended=UserSuspended,
    reactivated=UserReactivated,
    erased=UserErased,
    sessions_ended=UserSessionsEnded,
)

__all__ = ["PERSON_KEY_ROWS", "PRINCIPALS", "PROJECTIONS", "REVENUE_WINDOWS", "TENANT_DIRECTORY"]
