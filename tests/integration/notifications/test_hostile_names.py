"""Names and texts of any kind appear in each mail without injecting a header, and each mail is
sent.
"""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from services.notifications.adapters.email_templates import JinjaEmailTemplates
from services.notifications.adapters.smtp import SmtpMailer
from services.notifications.adapters.template_samples import SAMPLES as WORDS
from services.notifications.domain import NotificationKind
from services.notifications.ports import EmailContent, Mail
from tests.fixtures.names import HOSTILE_TEXTS
from tests.integration.infra.inbox import Inbox
from waypost.kernel.text import one_line
from waypost.native.ports import LOOPBACK

SENDER = "no-reply@waypost.test"
TEMPLATES = JinjaEmailTemplates()  # compiles each template once
HEADERS = [
    "Message-ID",
    "Date",
    "From",
    "To",
    "Subject",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
]


@pytest.mark.parametrize("name", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
async def test_a_hostile_name_is_only_a_name_in_each_mail(inbox: Inbox, name: str) -> None:
    for kind in _with_text_in_headers():
        await _assert_only_a_name(inbox, kind, name)


@pytest.mark.parametrize("kind", NotificationKind)
async def test_all_hostile_texts_together_are_only_a_name_in_each_mail(inbox: Inbox, kind: NotificationKind) -> None:
    await _assert_only_a_name(inbox, kind, " ".join(HOSTILE_TEXTS.values()))


def _with_text_in_headers() -> list[NotificationKind]:
    """The kinds whose subject contains text of a user. The recipient's name is in the header of
    each, in the same way.
    """
    marked = {**WORDS, **dict.fromkeys(("name", "company", "plan"), "Marker")}
    return [kind for kind in NotificationKind if "Marker" in TEMPLATES.compose(kind, marked).subject]


async def _assert_only_a_name(inbox: Inbox, kind: NotificationKind, name: str) -> None:
    email, benign = [TEMPLATES.compose(kind, {**WORDS, "name": n, "company": n, "plan": n}) for n in (name, "Ada")]
    raw = await _raw(inbox, _mail(kind, name, email))
    mail = message_from_bytes(raw, policy=default)
    assert _header_names(raw) == HEADERS, kind
    assert isinstance(mail, EmailMessage)
    assert (mail["From"], _mailboxes(mail)) == (SENDER, ["ada@example.com"]), kind
    assert (mail["Subject"], _unspaced(mail["To"].addresses[0].display_name)) == (
        email.subject,
        _unspaced(one_line(name)),
    ), kind
    assert mail.is_multipart()
    for part, expected in (("plain", benign.text), ("html", benign.html)):
        body = mail.get_body((part,))
        assert body is not None
        assert len(body.get_content().splitlines()) == len(expected.splitlines()), (kind, part)


@pytest.mark.parametrize("name", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
async def test_the_mailer_encodes_without_its_callers_help(inbox: Inbox, name: str) -> None:
    raw = await _raw(
        inbox, _mail(NotificationKind.WELCOME, name, EmailContent(subject=name, text="Hello\n", html="<p>Hello</p>"))
    )
    assert _header_names(raw) == HEADERS
    assert message_from_bytes(raw, policy=default)["Subject"] == one_line(name)


def _mail(kind: NotificationKind, name: str, email: EmailContent) -> Mail:
    return Mail(
        message_id=f"<{kind}@waypost>",
        address="ada@example.com",
        name=name,
        email=email,
        unsubscribe_url="https://waypost.test/unsubscribe/abc",
    )


async def _raw(inbox: Inbox, mail: Mail) -> bytes:
    """The mail as the server received it."""
    await SmtpMailer(host=LOOPBACK, port=inbox.smtp_port, sender=SENDER, timeout_seconds=5).send(mail)
    newest = (await inbox.find())["data"][0]
    return (await inbox.http.get(f"/api/messages/{newest['id']}/raw")).content


def _header_names(raw: bytes) -> list[str]:
    """The header lines up to the first empty line, unfolded: a line that begins with a space
    continues the header before it.
    """
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii")
    return [line.partition(":")[0] for line in head.split("\n") if not line.startswith((" ", "\t"))]


def _mailboxes(mail: EmailMessage) -> list[str]:
    return [address.addr_spec for address in mail["To"].addresses]


def _unspaced(text: str) -> str:
    """The standard library adds a space between two encoded words of a name; RFC 2047, section 6.2,
    has none there.
    """
    return text.replace(" ", "")
