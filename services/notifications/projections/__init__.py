"""Read models: `outgoing` in the business transaction; `recipients`, `principals`, `invoices`,
`invoice_lines` and the directory of tenants from their topics.
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
from services.notifications.projections.invoice_lines import INVOICE_LINE_LISTS
from services.notifications.projections.invoices import INVOICE_STATUS
from services.notifications.projections.outgoing import NOTIFICATION_ROWS
from services.notifications.projections.recipients import RECIPIENT_DIRECTORY
from waypost.engine.person_keys import person_keys_projection
from waypost.engine.principals import principals_projector
from waypost.jobs.tenant_directory import tenants_projection
from waypost.ports.person_keys import PersonKeyEvents

PROJECTIONS = [NOTIFICATION_ROWS]

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

__all__ = [
    "INVOICE_LINE_LISTS",
    "INVOICE_STATUS",
    "PERSON_KEY_ROWS",
    "PRINCIPALS",
    "PROJECTIONS",
    "RECIPIENT_DIRECTORY",
    "TENANT_DIRECTORY",
]
