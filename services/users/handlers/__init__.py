"""What this service does when asked, and when something happened elsewhere."""

from collections.abc import Sequence

from services.users.commands import (
    ChangeRole,
    CloseSession,
    OpenSession,
    OpenTenant,
    ReactivateUser,
    RenewSession,
    SignUp,
    SuspendUser,
    UpdateProfile,
    VerifyEmail,
)
from services.users.handlers.dunning import DUNNING
from services.users.handlers.joining import open_tenant, sign_up, verify_email
from services.users.handlers.membership import change_role, reactivate_user, suspend_user, update_profile
from services.users.handlers.sessions import close_session, open_session, renew_session
from services.users.projections import TENANT_DIRECTORY
from shared.engine.bus import Commands
from shared.ports.handlers import Consumer

COMMANDS: Commands = {
    OpenTenant: open_tenant,
    SignUp: sign_up,
    VerifyEmail: verify_email,
    OpenSession: open_session,
    RenewSession: renew_session,
    CloseSession: close_session,
    UpdateProfile: update_profile,
    ChangeRole: change_role,
    SuspendUser: suspend_user,
    ReactivateUser: reactivate_user,
}

CONSUMERS: Sequence[Consumer] = [DUNNING, TENANT_DIRECTORY]
