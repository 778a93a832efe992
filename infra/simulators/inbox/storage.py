"""Stores a mail on disk, and deletes all."""

import json
from collections.abc import Sequence
from sqlite3 import Connection

from infra.simulators.inbox.mail import Mail


def add_mail(
    connection: Connection, raw: bytes, mail: Mail, sender: str, recipients: Sequence[str], received_at: str
) -> int:
    """Returns the new mail's id. `sender` and `recipients` are those of the envelope; the header
    may differ.
    """
    mail_id = connection.execute(
        "insert into mails (received_at, envelope_from, sender, addressees, subject, preview, raw)"
        " values (?, ?, ?, ?, ?, ?, ?) returning id",
        (
            received_at,
            sender,
            mail.header("from") or sender,
            json.dumps(list(recipients)),
            mail.header("subject"),
            mail.preview,
            raw,
        ),
    ).fetchone()[0]
    connection.executemany(
        "insert or ignore into recipients (mail, address) values (?, ?)",
        [(mail_id, address.lower()) for address in recipients],
    )
    connection.executemany(
        "insert into headers (mail, name, value) values (?, ?, ?)",
        [(mail_id, name.lower(), value) for name, value in mail.headers],
    )
    return int(mail_id)


def delete_mails(connection: Connection) -> int:
    """Returns the number of deleted mails."""
    return connection.execute("delete from mails").rowcount
