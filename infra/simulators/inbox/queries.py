"""Searches for stored mails."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from sqlite3 import Connection, Row
from typing import Any

from infra.simulators.inbox.mail import read_mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Conditions that a mail must all match; an omitted one matches every mail."""

    to: str | None = None
    subject: str | None = None
    words: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def condition(self) -> tuple[str, list[str]]:
        """A WHERE condition and its parameters."""
        terms, parameters = ["true"], list[str]()
        if self.to is not None:
            terms.append("id in (select mail from recipients where address = ?)")
            parameters.append(self.to.lower())
        if self.subject is not None:
            terms.append("instr(lower(subject), lower(?)) > 0")
            parameters.append(self.subject)
        if self.words is not None:
            terms.append("instr(lower(sender || ' ' || addressees || ' ' || subject || ' ' || preview), lower(?)) > 0")
            parameters.append(self.words)
        for name, value in self.headers.items():
            terms.append("id in (select mail from headers where name = ? and value = ?)")
            parameters += [name.lower(), value]
        return " and ".join(terms), parameters


def list_mails(connection: Connection, search: Search, limit: int, before: int | None) -> dict[str, Any]:
    """Newest first; `total` counts every match, `next_cursor` is the `before` of the next page."""
    condition, parameters = search.condition()
    total = connection.execute(f"select count(*) from mails where {condition}", parameters).fetchone()[0]
    rows = connection.execute(
        f"select *, length(raw) as size_bytes from mails where {condition} and id < ? order by id desc limit ?",
        [*parameters, 2**63 - 1 if before is None else before, limit + 1],
    ).fetchall()
    has_more = len(rows) > limit
    return {
        "data": [_summary(connection, row) for row in rows[:limit]],
        "total": total,
        "has_more": has_more,
        "next_cursor": rows[limit - 1]["id"] if has_more else None,
    }


def get_mail(connection: Connection, mail_id: int) -> dict[str, Any] | None:
    """The summary, and the mail's parts read from its bytes."""
    row = connection.execute("select *, length(raw) as size_bytes from mails where id = ?", (mail_id,)).fetchone()
    if row is None:
        return None
    mail = read_mail(row["raw"])
    return _summary(connection, row) | {
        "envelope": {"from": row["envelope_from"], "to": json.loads(row["addressees"])},
        "headers": mail.headers,
        "text": mail.text,
        "html": mail.html,
        "attachments": [asdict(attachment) for attachment in mail.attachments],
    }


def get_raw(connection: Connection, mail_id: int) -> bytes | None:
    row = connection.execute("select raw from mails where id = ?", (mail_id,)).fetchone()
    return bytes(row["raw"]) if row else None


def _summary(connection: Connection, row: Row) -> dict[str, Any]:
    message_id = connection.execute(
        "select value from headers where mail = ? and name = 'message-id'", (row["id"],)
    ).fetchone()
    return {
        "id": row["id"],
        "message_id": message_id["value"] if message_id else None,
        "from": row["sender"],
        "to": json.loads(row["addressees"]),
        "subject": row["subject"],
        "preview": row["preview"],
        "received_at": row["received_at"],
        "size_bytes": row["size_bytes"],
    }
