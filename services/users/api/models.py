"""Request bodies and responses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.users.domain import Email, JoinMode, JoinPolicy, NotAnEmailAddress, UserStatus, email_address, mail_domain
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.web.models import OneLine, Password, RequestModel, ResponseModel


def _address(text: str) -> Email:
    try:
        return email_address(text)
    except NotAnEmailAddress as error:
        raise ValueError(str(error)) from error


EmailAddress = Annotated[Email, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_address)]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
"""A BCP 47 language tag, without private-use subtags."""
OpaqueTokenText = Annotated[str, StringConstraints(min_length=1, max_length=256)]
AnyPassword = Annotated[str, StringConstraints(max_length=256)]
"""A password at sign-in: an old password may break today's rules."""


SearchText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
PresentStatus = Literal["unverified", "active", "suspended"]
"""An erased user is in no list."""

DEFAULT_LOCALE = "en"


class Owner(RequestModel):
    email: EmailAddress = Field(repr=False)
    password: Password = Field(repr=False)
    display_name: OneLine = Field(repr=False)
    locale: Locale = DEFAULT_LOCALE


def _domain(text: str) -> str:
    try:
        return mail_domain(text)
    except NotAnEmailAddress as error:
        raise ValueError("not a mail domain: write it without @, for example example.com") from error


MailDomain = Annotated[str, Field(max_length=253, examples=["example.com"]), AfterValidator(_domain)]


class JoinPolicyModel(RequestModel):
    """Who may join a tenant by `POST /signup`. Invited people join in every mode."""

    mode: JoinMode = JoinMode.CLOSED
    """closed: invited people alone; domains: addresses of `domains` too; approval: people whom an
    admin approves too; open: everyone.
    """
    domains: Sequence[MailDomain] = Field(default=(), max_length=100)
    """Mail domains, for the mode domains alone. A domain does not include its subdomains."""

    @model_validator(mode="after")
    def _domains_fit_the_mode(self) -> Self:
        if (self.mode is JoinMode.DOMAINS) != bool(self.domains):
            raise ValueError("domains must be listed in the mode domains, and in no other mode")
        return self

    @property
    def policy(self) -> JoinPolicy:
        return JoinPolicy.of(self.mode, self.domains)  # in the form of `mail_domain` since their validation


class JoinPolicyView(ResponseModel):
    mode: JoinMode
    domains: Sequence[str]


class NewTenant(RequestModel):
    name: OneLine
    owner: Owner
    join_policy: JoinPolicyModel = JoinPolicyModel()


class NewUser(Owner):
    tenant_id: TenantId


class Token(RequestModel):
    token: OpaqueTokenText = Field(repr=False)


class SignIn(RequestModel):
    tenant_id: TenantId
    email: EmailAddress = Field(repr=False)
    password: AnyPassword = Field(repr=False)


class ForgottenPassword(RequestModel):
    tenant_id: TenantId
    email: EmailAddress = Field(repr=False)


class NewPassword(Token):
    password: Password = Field(repr=False)


class PasswordChange(RequestModel):
    current_password: AnyPassword = Field(repr=False)
    new_password: Password = Field(repr=False)


class Refresh(RequestModel):
    refresh_token: OpaqueTokenText = Field(repr=False)


class ProfileChange(RequestModel):
    """Omitted fields keep their value."""

    display_name: OneLine | None = Field(default=None, repr=False)
    locale: Locale | None = None


class RoleChange(RequestModel):
    role: Literal[Role.ADMIN, Role.MEMBER]


class OpenedTenant(ResponseModel):
    tenant_id: UUID
    owner_id: UUID


class UserView(ResponseModel):
    id: UUID
    tenant_id: UUID
    email: str = Field(repr=False)
    display_name: str = Field(repr=False)
    role: Role | str
    locale: str
    status: UserStatus
    version: int


class ListedUserView(UserView):
    created_at: datetime
    """Time of the registration."""


class SessionView(ResponseModel):
    """The token response of RFC 6749, section 5.1."""

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
