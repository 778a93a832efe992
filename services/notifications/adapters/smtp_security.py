"""Encryption and sign-in of the connection to the mail server."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiosmtplib

from services.notifications.ports import SmtpTls
from waypost.kernel.errors import Misconfigured, Transient
from waypost.project import variable


class MailServerRefused(Transient, Misconfigured):
    """The connection to the mail server is not as safe as the settings demand, or the sign-in
    failed. Mails are sent again later, as after an outage.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSecurity:
    tls: SmtpTls = SmtpTls.AUTO
    ca_file: Path | None = None
    """None: the authorities of the operating system."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def arguments(self, host: str) -> Mapping[str, Any]:
        """Arguments of `aiosmtplib.send`. Raises Misconfigured."""
        if bool(self.user) != bool(self.password):
            raise Misconfigured(f"set both {variable('SMTP_USER')} and {variable('SMTP_PASSWORD')}, or neither")
        if self.user and self.tls is SmtpTls.NONE and not is_loopback(host):
            raise Misconfigured(
                f"the password of {self.user} would be sent to {host} without encryption: set {variable('SMTP_TLS')}"
                " to starttls or implicit"
            )
        arguments: dict[str, Any] = {"username": self.user, "password": self.password}
        match self.tls:
            case SmtpTls.NONE:
                return {**arguments, "start_tls": False}
            case SmtpTls.IMPLICIT:
                return {**arguments, "use_tls": True, "tls_context": self._context()}
            case SmtpTls.AUTO if is_loopback(host):
                return {**arguments, "start_tls": None, "tls_context": self._context()}
            case _:
                return {**arguments, "start_tls": True, "tls_context": self._context()}

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # ssl.SSLError, too
            raise Misconfigured(f"{variable('SMTP_CA_FILE')} cannot be loaded: {error}; it names a PEM file") from error


SIGN_IN_CODES = frozenset((530, 534, 535, 538))
"""The server demands a sign-in, another one, or encryption (RFC 4954, section 6; RFC 3207, section
4). The sender may be at fault, and never the mail.
"""
DEFAULT_SECURITY = SmtpSecurity()


def is_loopback(host: str) -> bool:
    """True if what is sent to the host does not leave this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refused_security(error: BaseException) -> str | None:
    """What to correct, if the error is about encryption or the sign-in; None for any other."""
    match error:
        case aiosmtplib.SMTPResponseException() if error.code in SIGN_IN_CODES:
            names = f"{variable('SMTP_USER')} and {variable('SMTP_PASSWORD')}"
            return f"it demands a sign-in, or refuses this one ({error.code}); correct {names}"
        case aiosmtplib.SMTPResponseException():
            return None  # its code decides, and not a word in the server's text
        case aiosmtplib.SMTPNotSupported() if "AUTH" in str(error).upper():
            return f"it offers no sign-in; remove {variable('SMTP_USER')}, or correct {variable('SMTP_HOST')}"
        case aiosmtplib.SMTPException() if "STARTTLS" in str(error).upper():
            return (
                "it does not offer STARTTLS, or something between removed the offer. Mails contain one-time links."
                f" Set {variable('SMTP_TLS')} to implicit if the server expects TLS at once, or to none to send without"
            )
        case _:
            reason = _tls_error(error)
            return (
                None
                if reason is None
                else (
                    f"its certificate or TLS was not accepted ({reason}). {variable('SMTP_CA_FILE')} must name the authority"
                    f" that signed it, and {variable('SMTP_HOST')} must be a name in it"
                )
            )


def _tls_error(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if isinstance(error, ssl.SSLError):
            return error.reason or str(error)
        error = error.__cause__ or error.__context__
    return None
