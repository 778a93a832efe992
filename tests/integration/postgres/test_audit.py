"""An operator's act and its audit entry are in one transaction."""

import asyncpg
import pytest

from tests.fixtures.club import migrate, opened
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Invalid
from waypost.kernel.ids import new_id
from waypost.postgres.audit import operator_actions, record_action
from waypost.testing.database import Databases, connected

AUDIT = AuditContext(operator="grace", reason="the mail server is back")


async def test_an_audit_entry_has_operator_reason_and_time(database: Databases) -> None:
    where, dead_letter, tenant = await database("club", migrate), new_id(), new_id()
    async with opened(where.app) as pool, pool.transaction() as connection:
        await record_action(
            connection,
            AUDIT,
            verb="dead_letters.redrive",
            subject=dead_letter,
            tenant_id=tenant,
            consumer="club.members",
        )
    async with opened(where.ops) as ops:
        (action,) = await operator_actions(ops, subject=str(dead_letter))
        assert (action.operator, action.reason, action.verb) == (
            "grace",
            "the mail server is back",
            "dead_letters.redrive",
        )
        assert (action.tenant_id, action.facts) == (tenant, {"consumer": "club.members"})
        assert await operator_actions(ops, subject="another") == []


async def test_what_was_rolled_back_was_not_done(database: Databases) -> None:
    where = await database("club", migrate)
    async with opened(where.app) as pool:
        with pytest.raises(ZeroDivisionError):
            async with pool.transaction() as connection:
                await record_action(connection, AUDIT, verb="jobs.retry", subject="x")
                raise ZeroDivisionError
    async with opened(where.ops) as ops:
        assert await operator_actions(ops) == []


@pytest.mark.parametrize("role", ["app", "ops"])
@pytest.mark.parametrize("change", ["update operator_actions set reason = ''", "delete from operator_actions"])
async def test_the_audit_log_cannot_be_changed(database: Databases, role: str, change: str) -> None:
    where = await database("club", migrate)
    async with connected(getattr(where, role)) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(change)


@pytest.mark.parametrize(("operator", "reason"), [("", "why"), ("grace", " ")])
def test_an_act_without_a_name_or_a_reason_is_refused(operator: str, reason: str) -> None:
    with pytest.raises(Invalid, match="a manual change needs"):
        AuditContext(operator=operator, reason=reason)
