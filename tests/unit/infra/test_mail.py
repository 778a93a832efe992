"""Parsing mail: for any bytes, a mail is shown and no error is raised."""

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from infra.simulators.inbox.mail import Mail, read_mail
from infra.simulators.inbox.queries import Search, list_mails
from infra.simulators.inbox.storage import add_mail
from infra.simulators.inbox.tables import TABLES

ENCODED_WORD = st.sampled_from(
    ["=?utf-8?q?=C3=A9?=", "=?no-such?b?%%?=", "=?utf-8?b?A?=", "=?utf-16?q?=00?=", "é", "\udcff"]
)
HEADER = st.tuples(
    st.sampled_from(["Subject", "From", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "X-Key"]),
    ENCODED_WORD
    | st.sampled_from(["text/html; charset=nope", "multipart/mixed; boundary=b", "base64", 'attachment; filename="'])
    | st.text(max_size=30),
)
ODD_MAIL = st.builds(
    lambda headers, body: (
        "".join(f"{name}: {value}\r\n" for name, value in headers).encode(errors="replace") + b"\r\n" + body
    ),
    st.lists(HEADER, max_size=6),
    st.binary(max_size=80) | st.just(b"--b\r\n\r\nx\r\n--b--\r\n"),
)


@given(st.binary(max_size=200) | ODD_MAIL)
def test_any_bytes_can_be_read_stored_and_listed(raw: bytes) -> None:
    database = memory()
    add_mail(database, raw, read_mail(raw), "a@b.test", ["c@d.test"], "2026-01-01T00:00:00+00:00")
    assert list_mails(database, Search(), 10, None)["total"] == 1
    database.close()


def memory() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.executescript(TABLES)
    return database


def test_headers_are_decoded_and_unfolded() -> None:
    mail = read_mail(b"subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n aus Wien\r\n\r\n")
    assert mail.header("Subject") == "Grüße aus Wien"


def test_attachment_is_listed_and_not_used_as_body() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
        b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="n.txt"\r\n\r\nnote\r\n--b--\r\n'
    )
    mail = read_mail(raw)
    assert mail.text == "Hello"
    assert [(attachment.filename, attachment.size_bytes) for attachment in mail.attachments] == [("n.txt", 4)]


def test_a_body_in_an_unknown_charset_is_shown_as_well_as_can_be() -> None:
    assert read_mail(b"Content-Type: text/plain; charset=klingon\r\n\r\nnuqneH").text == "nuqneH"


def test_the_preview_is_one_short_line() -> None:
    mail = Mail(headers=(), text="a\n\n" + "b " * 200, html=None, attachments=())
    assert mail.preview.startswith("a b b")
    assert len(mail.preview) <= 140
