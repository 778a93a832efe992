"""Sends mail by SMTP (RFC 5321)."""

import asyncio
import re
from email.message import EmailMessage
from email.utils import localtime

import aiosmtplib

from services.notifications.adapters.headers import POLICY, encoded, mailbox
from services.notifications.adapters.smtp_security import (
    DEFAULT_SECURITY,
    MailServerRefused,
    SmtpSecurity,
    refused_security,
)
from services.notifications.domain.bounce import BounceKind, bounce_kind
from services.notifications.domain.proved_address import ascii_domain
from services.notifications.ports import Mail, MailRefused
from waypost.kernel.errors import Transient, WaypostError
from waypost.project import variable

_PERMANENT = range(500, 600)
_TOO_LARGE = 552
_BAD_SENDER = frozenset(("5.1.7", "5.1.8", "5.7.23", "5.7.24", "5.7.27"))
"""Bad sender's mailbox address, bad sender's system address (RFC 3463); SPF validation failed, SPF
validation error (RFC 7372); sender address has null MX (RFC 7505).
"""
_ENHANCED_CODE = re.compile(r"5\.\d{1,3}\.\d{1,3}\b")

_MAIL_ERRORS = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError)
"""Errors about one mail. Other responses, such as to the greeting or the sign-in, concern this
sender and are transient.
"""


class ReturnPathRefused(WaypostError):
    """The receiving system refuses the return path of a mail."""


class SmtpMailer:
    """Implements `services.notifications.ports.Mailer`. Opens one connection per mail. Without
    encryption it sends no mail, unless the settings allow it: a mail may contain a one-time link.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        timeout_seconds: float,
        security: SmtpSecurity = DEFAULT_SECURITY,
    ) -> None:
        """Raises Misconfigured for security settings that contradict each other."""
        self._connection = security.arguments(host)
        self._host = host
        self._port = port
        self._sender = sender
        self._timeout_seconds = timeout_seconds

    async def send(self, mail: Mail) -> None:
        try:
            # A server that is slow at each step is an outage. The limit, with a further step to end
            # the session, is shorter than that of the job's attempt.
            async with asyncio.timeout(1.5 * self._timeout_seconds):
                await aiosmtplib.send(
                    self._message(mail),
                    sender=mail.return_path or self._sender,
                    recipients=[ascii_domain(mail.address)],  # not parsed from the message: it contains a user's name
                    hostname=self._host,
                    port=self._port,
                    timeout=self._timeout_seconds,
                    **self._connection,
                )
        # Raise without the cause: a server's response may repeat the address, and errors are
        # logged.
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refusal(error.recipients[0], mail.return_path) from None
        except _MAIL_ERRORS as error:
            raise _refusal(error, mail.return_path) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            place = f"{self._host}:{self._port}"
            if (problem := refused_security(error)) is not None:
                raise MailServerRefused(f"no mail was sent to the mail server at {place}: {problem}") from None
            raise Transient(f"the mail server at {place}: {type(error).__name__}") from None

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=POLICY)
        message["Message-ID"] = mail.message_id
        message["Date"] = localtime()
        message["From"] = self._sender
        message["To"] = mailbox(mail.name, ascii_domain(mail.address))
        message["Subject"] = encoded(mail.email.subject)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: suppresses automatic replies
        if mail.unsubscribe_url is not None:
            # RFC 8058, section 4: both headers must be signed with DKIM, by the mail server that
            # relays the mail.
            message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(mail.email.text)
        message.add_alternative(mail.email.html, subtype="html")
        return message


def _refusal(error: aiosmtplib.SMTPResponseException, return_path: str | None = None) -> WaypostError:
    """MailRefused, ReturnPathRefused or Transient."""
    if (problem := refused_security(error)) is not None:
        return MailServerRefused(f"no mail was sent: {problem}")
    if error.code not in _PERMANENT:
        return Transient(f"the mail server answered {error.code}: try again later")
    if return_path is not None:
        remedy = f"let it send for the domain, or correct {variable('BOUNCE_DOMAIN')}, or unset it"
        if isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code != _TOO_LARGE:
            return MailServerRefused(
                f"no mail was sent: the mail server refuses return paths of this domain ({error.code}); {remedy}"
            )
        if (status := _enhanced_code(error)) in _BAD_SENDER:
            return ReturnPathRefused(
                f"the mail was not sent: its return path was refused ({error.code} {status}), by the mail server or by the"
                f" recipient's alone. If other mails fail too, {remedy}; then retry the dead jobs: waypost jobs retry"
            )
    kind = _bounce_of(error) if isinstance(error, aiosmtplib.SMTPRecipientRefused) else None
    unknown = kind is BounceKind.HARD
    reason = "mailbox_unknown" if unknown else "mail_refused"
    return MailRefused(reason, error.code, is_bad_address=unknown, is_soft=kind is BounceKind.SOFT)


def _enhanced_code(error: aiosmtplib.SMTPResponseException) -> str | None:
    enhanced = _ENHANCED_CODE.match(error.message or "")
    return None if enhanced is None else enhanced[0]


def _bounce_of(error: aiosmtplib.SMTPRecipientRefused) -> BounceKind | None:
    """The kind of bounce that the refusal is. Only the enhanced status code decides (RFC 3463):
    servers also answer 550 to a sender whom their policy refuses, and 5.2.1 to a mailbox that gets
    too many mails at once.
    """
    status = _enhanced_code(error)
    return None if status is None else bounce_kind(status)
