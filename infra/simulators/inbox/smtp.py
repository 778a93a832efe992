"""The SMTP side: 250 for a mail means that it is on disk. A recipient `bounce@…` or `bounce+…@…`
does not exist (550), and the mailbox of `full@…` or `full+…@…` is full (552).
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from infra.simulators.database import Database
from infra.simulators.inbox.mail import read_mail
from infra.simulators.inbox.storage import add_mail
from waypost.kernel.clock import Clock
from waypost.kernel.errors import Misconfigured

_BOUNCES = re.compile(r"bounce(\+[^@]*)?@", re.IGNORECASE)
_FULL = re.compile(r"full(\+[^@]*)?@", re.IGNORECASE)


class Mailbox:
    """The handler that aiosmtpd calls; the names of its methods are aiosmtpd's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The reply to RCPT TO (RFC 5321 section 4.1.1.3)."""
        if _BOUNCES.match(address):
            return "550 5.1.1 There is no such mailbox"
        if _FULL.match(address):
            return "552 5.2.2 The mailbox is full"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """The reply to the end of DATA (RFC 5321 section 4.2); 451 asks the sender to try again."""
        raw = bytes(envelope.original_content or b"")
        received_at = self._clock.now().isoformat(timespec="milliseconds")
        sender, recipients = str(envelope.mail_from), list(envelope.rcpt_tos)
        try:
            mail = await asyncio.to_thread(read_mail, raw)
            mail_id = await self._database.transaction(
                lambda rows: add_mail(rows, raw, mail, sender, recipients, received_at)
            )
        except sqlite3.Error as error:
            return f"451 4.3.0 The mail could not be stored: {type(error).__name__}"
        return f"250 2.0.0 Stored as {mail_id}"


@asynccontextmanager
async def listening(
    mailbox: Mailbox, host: str, port: int, largest_mail_bytes: int, options: Mapping[str, Any]
) -> AsyncIterator[None]:
    """Receives mail on that port while the context is open; raises `Misconfigured` when the port is
    taken. `options` are further arguments of aiosmtpd's SMTP.
    """

    def session() -> SMTP:
        return SMTP(
            mailbox,
            hostname="inbox.waypost.invalid",
            data_size_limit=largest_mail_bytes,
            enable_SMTPUTF8=True,
            **options,
        )

    try:
        server = await asyncio.get_running_loop().create_server(session, host, port)
    except OSError as error:
        raise Misconfigured(f"cannot listen on {host}:{port} ({error.strerror}): set WAYPOST_SMTP_PORT") from error
    try:
        yield
    finally:
        server.close()
