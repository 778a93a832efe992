"""Encryption and sign-in at the mail server, against real SMTP servers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from infra.simulators.inbox.sign_in import smtp_encryption, smtp_sign_in
from services.notifications.adapters import smtp_security
from services.notifications.adapters.smtp import SmtpMailer
from services.notifications.adapters.smtp_security import MailServerRefused, SmtpSecurity
from services.notifications.ports import EmailContent, Mail, SmtpTls
from waypost.kernel.errors import Misconfigured
from waypost.native.certificates import Certificate, CertificateAuthority
from waypost.native.ports import LOOPBACK, free_ports

SECRET_LINK = "https://waypost.example/reset#one-time-token"
MAIL = Mail(
    message_id="<1@waypost>",
    address="ada@example.com",
    name="Ada",
    email=EmailContent(subject="Reset", text=SECRET_LINK, html=f"<p>{SECRET_LINK}</p>"),
)


class Received:
    """The handler that aiosmtpd calls."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(bytes(envelope.original_content or b""))
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"


@asynccontextmanager
async def mail_server(
    options: Mapping[str, Any] | None = None, *, implicit: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, Received]]:
    received, [port] = Received(), free_ports(1)
    given = {"hostname": "mail.test", **(options or {})}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(received, **given), LOOPBACK, port, ssl=implicit
    )
    async with server:
        yield port, received


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "tls")


@pytest.fixture
def certificate(authority: CertificateAuthority) -> Certificate:
    return authority.issue("mail")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail server is not on this machine, for the mailer."""
    monkeypatch.setattr(smtp_security, "is_loopback", lambda host: False)


async def send(port: int, security: SmtpSecurity) -> None:
    mailer = SmtpMailer(host=LOOPBACK, port=port, sender="no-reply@x.example", timeout_seconds=5, security=security)
    await mailer.send(MAIL)


@pytest.mark.usefixtures("elsewhere")
async def test_by_default_no_mail_is_sent_over_a_stripped_connection() -> None:
    async with mail_server() as (port, received):  # as after a man in the middle removed STARTTLS
        with pytest.raises(MailServerRefused, match="does not offer STARTTLS"):
            await send(port, SmtpSecurity())
    assert received.mails == []


@pytest.mark.usefixtures("elsewhere")
async def test_by_default_mails_are_encrypted(authority: CertificateAuthority, certificate: Certificate) -> None:
    async with mail_server(smtp_encryption(certificate.certificate, certificate.key)) as (port, received):
        await send(port, SmtpSecurity(ca_file=authority.certificate))
    assert received.encrypted == [True]
    assert SECRET_LINK.encode() in received.mails[0]


async def test_on_this_machine_a_server_without_encryption_receives_mails() -> None:
    async with mail_server() as (port, received):
        await send(port, SmtpSecurity())
        with pytest.raises(MailServerRefused, match="does not offer STARTTLS"):
            await send(port, SmtpSecurity(tls=SmtpTls.STARTTLS))
    assert received.encrypted == [False]


@pytest.mark.usefixtures("elsewhere")
async def test_encryption_can_be_switched_off() -> None:
    async with mail_server() as (port, received):
        await send(port, SmtpSecurity(tls=SmtpTls.NONE))
    assert received.encrypted == [False]


async def test_implicit_tls(authority: CertificateAuthority, certificate: Certificate) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    async with mail_server(implicit=context) as (port, received):
        await send(port, SmtpSecurity(tls=SmtpTls.IMPLICIT, ca_file=authority.certificate))
    assert received.encrypted == [True]


@pytest.mark.parametrize("tls", [SmtpTls.STARTTLS, SmtpTls.AUTO])
async def test_a_certificate_of_an_unknown_authority_is_refused(certificate: Certificate, tls: SmtpTls) -> None:
    async with mail_server(smtp_encryption(certificate.certificate, certificate.key)) as (port, received):
        with pytest.raises(MailServerRefused, match="WAYPOST_SMTP_CA_FILE must name the authority"):
            await send(port, SmtpSecurity(tls=tls))
    assert received.mails == []


async def test_a_certificate_of_another_host_is_refused(authority: CertificateAuthority) -> None:
    other = authority.issue("other", hosts=["mail.example"])
    async with mail_server(smtp_encryption(other.certificate, other.key)) as (port, received):
        with pytest.raises(MailServerRefused, match="WAYPOST_SMTP_HOST must be a name in it"):
            await send(port, SmtpSecurity(tls=SmtpTls.STARTTLS, ca_file=authority.certificate))
    assert received.mails == []


async def test_the_mailer_signs_in(authority: CertificateAuthority, certificate: Certificate) -> None:
    options = {
        **smtp_encryption(certificate.certificate, certificate.key),
        **smtp_sign_in("notifications", "a long password"),
    }
    security = SmtpSecurity(tls=SmtpTls.STARTTLS, ca_file=authority.certificate)
    async with mail_server(options) as (port, received):
        with pytest.raises(MailServerRefused, match=r"demands a sign-in, or refuses this one \(530\)"):
            await send(port, security)
        wrong = SmtpSecurity(
            tls=SmtpTls.STARTTLS, ca_file=authority.certificate, user="notifications", password="another"
        )
        with pytest.raises(MailServerRefused, match=r"refuses this one \(535\)"):
            await send(port, wrong)
        assert received.mails == []
        right = SmtpSecurity(
            tls=SmtpTls.STARTTLS, ca_file=authority.certificate, user="notifications", password="a long password"
        )
        await send(port, right)
    assert len(received.mails) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_password_is_never_sent_without_encryption() -> None:
    with pytest.raises(Misconfigured, match=r"would be sent to mail\.example without encryption"):
        SmtpSecurity(tls=SmtpTls.NONE, user="ada", password="secret").arguments("mail.example")
    with pytest.raises(Misconfigured, match="set both WAYPOST_SMTP_USER and WAYPOST_SMTP_PASSWORD"):
        SmtpSecurity(user="ada").arguments("mail.example")
