"""Command handlers and consumers of the users service."""

from collections.abc import Sequence

from services.users.commands import (
    ChangePassword,
    ChangeRole,
    CloseSession,
    CreatePasswordLink,
    EraseUser,
    JudgePassword,
    OpenSession,
    OpenTenant,
    ReactivateUser,
    RenewSession,
    RequestPasswordLink,
    ResetPassword,
    SignUp,
    SuspendUser,
    UpdateProfile,
    VerifyEmail,
)
from services.users.handlers.dunning import DUNNING
from services.users.handlers.membership import change_role, erase_user, reactivate_user, suspend_user, update_profile
from services.users.handlers.passwords import (
    change_password,
    create_password_link,
    request_password_link,
    reset_password,
)
from services.users.handlers.registration import open_tenant, sign_up, verify_email
from services.users.handlers.sessions import close_session, open_session, renew_session
from services.users.handlers.sign_in_attempts import judge_password
from services.users.projections import TENANT_DIRECTORY
from waypost.engine.bus import Commands
from waypost.ports.consumers import Consumer

COMMANDS: Commands = {
    OpenTenant: open_tenant,
    SignUp: sign_up,
    VerifyEmail: verify_email,
    JudgePassword: judge_password,
    OpenSession: open_session,
    RenewSession: renew_session,
    CloseSession: close_session,
    RequestPasswordLink: request_password_link,
    CreatePasswordLink: create_password_link,
    ResetPassword: reset_password,
    ChangePassword: change_password,
    UpdateProfile: update_profile,
    ChangeRole: change_role,
    SuspendUser: suspend_user,
    ReactivateUser: reactivate_user,
    EraseUser: erase_user,
}

CONSUMERS: Sequence[Consumer] = [DUNNING, TENANT_DIRECTORY]
