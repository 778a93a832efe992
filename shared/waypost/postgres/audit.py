"""The audit of operators' changes. The audit row is written in the transaction of the change, so
that both commit or neither does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from waypost.kernel.audit_context import AuditContext
from waypost.kernel.ids import new_id
from waypost.postgres.reads import Reads
from waypost.postgres.sql import Sql

if TYPE_CHECKING:  # a command that only reads does not load SQLAlchemy
    from sqlalchemy.ext.asyncio import AsyncConnection

_RECORD = """
insert into operator_actions (id, operator, reason, verb, subject, tenant_id, facts) values ($1, $2, $3, $4, $5, $6, $7)"""

_LIST = """
select id, at, operator, reason, verb, subject, tenant_id, facts::text as facts from operator_actions
where ($1::text is null or subject = $1) order by id desc limit $2"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    id: UUID
    at: datetime
    operator: str
    reason: str
    verb: str
    """The operation, such as `dead_letters.redrive`."""
    subject: str
    """The changed object: the id of a dead letter or a job, or a key."""
    tenant_id: UUID | None
    facts: Mapping[str, str | int]
    """Further facts about the change."""


async def record_action(
    connection: "AsyncConnection",
    audit_context: AuditContext,
    *,
    verb: str,
    subject: object,
    tenant_id: UUID | None = None,
    **facts: str | int,
) -> None:
    """Writes one audit row. Call it in the transaction of the change, with the same role."""
    facts_json = json.dumps(facts)
    await Sql(connection).execute(
        _RECORD, new_id(), audit_context.operator, audit_context.reason, verb, str(subject), tenant_id, facts_json
    )


async def operator_actions(
    database: Reads, *, subject: str | None = None, limit: int = 100
) -> Sequence[OperatorAction]:
    """The audit, the latest row first. Requires the operator's role."""
    rows = await database.fetch(_LIST, subject, limit)
    return [OperatorAction(**{**row, "facts": json.loads(row["facts"])}) for row in rows]
