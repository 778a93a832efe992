"""The texts of invoice lines, which the read model keeps encrypted."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from schemas.billing import InvoiceLineAdded
from waypost.kernel.ids import TenantId
from waypost.ports.person_keys import PersonalCiphertext, key_not_arrived
from waypost.ports.unit_of_work import UnitOfWork


async def readable_lines(
    lines: Sequence[Mapping[str, Any]], tenant_id: TenantId, uow: UnitOfWork
) -> Sequence[Mapping[str, Any]]:
    """The lines with readable texts, which are empty if the customer was erased. Raises NotYet
    while the customer's key has not arrived.
    """
    encrypted = [line for line in lines if "personal_ciphertext" in line]
    if not encrypted:
        return lines
    found = await uow.personal_data([_ciphertext_of(line, tenant_id) for line in encrypted])
    if None in found:
        raise key_not_arrived("the lines of this invoice")
    pairs = zip(encrypted, found, strict=True)
    texts = {line["event_id"]: values.get("description", "") for line, values in pairs if values is not None}
    return [{**line, "description": texts.get(line.get("event_id"), line["description"])} for line in lines]


def _ciphertext_of(line: Mapping[str, Any], tenant_id: TenantId) -> PersonalCiphertext:
    ciphertext = base64.b64decode(line["personal_ciphertext"])
    return PersonalCiphertext(InvoiceLineAdded.type, UUID(line["event_id"]), tenant_id, ciphertext)
