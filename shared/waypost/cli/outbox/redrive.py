"""`waypost outbox redrive`"""

import asyncio
from typing import Annotated

import typer

from waypost.cli.databases import ask_service
from waypost.cli.options import As, Reason
from waypost.cli.output import AsJson, end_with, present
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.operations.admin_service import AdminService
from waypost.operations.outbox.redrive import redrive as redrive_key


def redrive(
    key: Annotated[str, typer.Option(help="Quarantined key, as `waypost outbox` prints it.")],
    operator: As,
    reason: Reason,
    service: Annotated[
        str | None, typer.Option(help="Service whose outbox contains the key. Default: all services.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Releases a key from quarantine: the relay publishes its rows again, in order."""
    audit_context = AuditContext(operator=operator, reason=reason)

    async def redriven(asked: AdminService) -> str | None:
        try:
            await redrive_key(asked, key.encode(), audit_context)
        except NotFound:
            return None
        return asked.name

    answers, problems = asyncio.run(ask_service(service, redriven))
    services = [name for name in answers if name is not None]
    text = "\n".join(f"{name}: key {key} is released from quarantine" for name in services)
    if services or as_json:
        present([{"service": name, "key": key} for name in services], text, as_json=as_json)
    if not services:
        problems = [*problems, NotFound(f"key {key!r} is not quarantined; `waypost outbox` shows the quarantined keys")]
    end_with(problems if not services else ())
