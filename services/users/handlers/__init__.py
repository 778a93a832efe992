"""Command handlers and consumers of the users service."""

from collections.abc import Sequence

from services.users.commands import (
    AcceptInvitation,
    ApproveRequest,
    ChangePassword,
    ChangeRole,
    CloseSession,
    CreatePasswordLink,
    DeclineSignUp,
    EraseUser,
    Invite,
    JudgePassword,
    OpenSession,
    OpenTenant,
    ReactivateUser,
    RenewSession,
    RequestPasswordLink,
    ResetPassword,
    RevokeInvitation,
    SetJoinPolicy,
    SignUp,
    SuspendUser,
    UpdateProfile,
    VerifyEmail,
    VerifyWithNewPassword,
)
from services.users.commands.exports import RequestExport
from services.users.commands.identity import (
    CancelEmailChange,
    CloseTenant,
    ConfirmEmailChange,
    ConfirmSession,
    DeclineEmailChange,
    EndSession,
    EndSessions,
    RenameTenant,
    RequestEmailChange,
    TransferOwnership,
)
from services.users.handlers.acceptance import accept_invitation
from services.users.handlers.confirmation import confirm_session
from services.users.handlers.dunning import DUNNING
from services.users.handlers.email_changes import (
    cancel_email_change,
    confirm_email_change,
    decline_email_change,
    request_email_change,
)
from services.users.handlers.exports import request_export
from services.users.handlers.invitations import approve_request, invite, revoke_invitation
from services.users.handlers.join_policy import set_join_policy
from services.users.handlers.membership import change_role, erase_user, reactivate_user, suspend_user, update_profile
from services.users.handlers.passwords import (
    change_password,
    create_password_link,
    request_password_link,
    reset_password,
)
from services.users.handlers.registration import open_tenant, sign_up
from services.users.handlers.sessions import close_session, end_session, end_sessions, open_session, renew_session
from services.users.handlers.sign_in_attempts import judge_password
from services.users.handlers.tenants import close_tenant, rename_tenant, transfer_ownership
from services.users.handlers.verification import decline_sign_up, verify_email, verify_with_new_password
from services.users.projections import BILLED, TENANT_DIRECTORY
from waypost.engine.bus import Commands
from waypost.ports.consumers import Consumer

COMMANDS: Commands = {
    OpenTenant: open_tenant,
    SignUp: sign_up,
    VerifyEmail: verify_email,
    VerifyWithNewPassword: verify_with_new_password,
    DeclineSignUp: decline_sign_up,
    SetJoinPolicy: set_join_policy,
    Invite: invite,
    ApproveRequest: approve_request,
    RevokeInvitation: revoke_invitation,
    AcceptInvitation: accept_invitation,
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
    ConfirmSession: confirm_session,
    EndSession: end_session,
    EndSessions: end_sessions,
    RequestEmailChange: request_email_change,
    ConfirmEmailChange: confirm_email_change,
    DeclineEmailChange: decline_email_change,
    CancelEmailChange: cancel_email_change,
    TransferOwnership: transfer_ownership,
    RenameTenant: rename_tenant,
    CloseTenant: close_tenant,
    RequestExport: request_export,
}

CONSUMERS: Sequence[Consumer] = [DUNNING, TENANT_DIRECTORY, BILLED]
