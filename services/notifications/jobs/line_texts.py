"""The texts of invoice lines, which the read model keeps encrypted."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.billing import InvoiceLineAdded
from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId
from waypost.ports.unit_of_work import UnitOfWork

_NIL, _UNKNOWN_TIME = UUID(int=0), datetime.fromtimestamp(0, UTC)


async def readable_lines(
    lines: Sequence[Mapping[str, Any]], tenant_id: TenantId, uow: UnitOfWork
) -> Sequence[Mapping[str, Any]]:
    """The lines with readable texts, which are empty if the customer was erased. Raises NotYet
    while the customer's key has not arrived.
    """
    encrypted = [line for line in lines if "personal_ciphertext" in line]
    found = await uow.readable([_event_of(line, tenant_id) for line in encrypted])
    texts = {line["event_id"]: _text(envelope) for line, envelope in zip(encrypted, found, strict=True)}
    return [{**line, "description": texts.get(line.get("event_id"), line["description"])} for line in lines]


def _text(envelope: Envelope[Event] | None) -> str:
    if envelope is None:
        raise NotYet("the key that decrypts the lines of this invoice has not arrived yet")
    assert isinstance(envelope.event, InvoiceLineAdded)  # noqa: S101 - for the type checker
    return envelope.event.description


def _event_of(line: Mapping[str, Any], tenant_id: TenantId) -> Envelope[Event]:
    """The event of the line, as far as its decryption needs it."""
    event_id = EventId(UUID(line["event_id"]))
    event = InvoiceLineAdded(
        tenant_id=tenant_id,
        invoice_id=_NIL,
        line_id=_NIL,
        description="",
        quantity=line["quantity"],
        unit_amount_minor=0,
        amount_minor=line["amount_minor"],
        currency=line["currency"],
        added_at=_UNKNOWN_TIME,
        personal_ciphertext=base64.b64decode(line["personal_ciphertext"]),
    )
    cause = Cause(correlation_id=event_id, causation_id=event_id)
    return Envelope(event, event_id, tenant_id, _NIL, 0, _UNKNOWN_TIME, "/services/billing", cause)
