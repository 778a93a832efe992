"""Who may join a tenant by a sign-up."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Self

from services.users.domain.email import Email, NotAnEmailAddress, email_address


class JoinMode(StrEnum):
    CLOSED = "closed"
    """Invited people alone join."""
    DOMAINS = "domains"
    """Addresses of the listed mail domains sign up."""
    APPROVAL = "approval"
    """A sign-up becomes a request, which an admin approves or refuses."""
    OPEN = "open"
    """Every address signs up."""


class SignUpEffect(StrEnum):
    """The effect of a sign-up with a new address."""

    REGISTER = auto()
    REQUEST = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinPolicy:
    mode: JoinMode = JoinMode.CLOSED
    domains: tuple[str, ...] = ()
    """Canonical, sorted and unique; not empty in the mode `domains`, empty in the others."""

    @classmethod
    def of(cls, mode: JoinMode, domains: Iterable[str] = ()) -> Self:
        """`domains`: in the form of `mail_domain`, in any order."""
        return cls(mode=mode, domains=tuple(sorted(set(domains))))

    def sign_up_effect(self, email: Email) -> SignUpEffect:
        """A domain admits its own addresses, not those of its subdomains."""
        match self.mode:
            case JoinMode.OPEN:
                return SignUpEffect.REGISTER
            case JoinMode.APPROVAL:
                return SignUpEffect.REQUEST
            case JoinMode.DOMAINS if email.rpartition("@")[2] in self.domains:
                return SignUpEffect.REGISTER
        return SignUpEffect.REFUSE


def mail_domain(text: str) -> str:
    """The domain as it stands in canonical addresses. Raises NotAnEmailAddress."""
    if "@" in text:
        raise NotAnEmailAddress("a mail domain has no @: write example.com")
    return email_address(f"postmaster@{text}").rpartition("@")[2]
