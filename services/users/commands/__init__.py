"""Commands of the users service. The API layer has checked shapes, hashed passwords and supplied
ids and times.
"""

from services.users.commands.joining import AcceptInvitation, ApproveRequest, Invite, RevokeInvitation, SetJoinPolicy
from services.users.commands.membership import ChangeRole, EraseUser, ReactivateUser, SuspendUser, UpdateProfile
from services.users.commands.passwords import ChangePassword, CreatePasswordLink, RequestPasswordLink, ResetPassword
from services.users.commands.sessions import (
    CloseSession,
    JudgePassword,
    OpenSession,
    RefreshToken,
    RenewSession,
    Session,
)
from services.users.commands.sign_ups import (
    DeclineSignUp,
    OpenTenant,
    Registration,
    SignUp,
    VerifyEmail,
    VerifyWithNewPassword,
)

__all__ = [
    "AcceptInvitation",
    "ApproveRequest",
    "ChangePassword",
    "ChangeRole",
    "CloseSession",
    "CreatePasswordLink",
    "DeclineSignUp",
    "EraseUser",
    "Invite",
    "JudgePassword",
    "OpenSession",
    "OpenTenant",
    "ReactivateUser",
    "RefreshToken",
    "Registration",
    "RenewSession",
    "RequestPasswordLink",
    "ResetPassword",
    "RevokeInvitation",
    "Session",
    "SetJoinPolicy",
    "SignUp",
    "SuspendUser",
    "UpdateProfile",
    "VerifyEmail",
    "VerifyWithNewPassword",
]
