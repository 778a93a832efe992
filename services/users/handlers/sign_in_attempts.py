"""Wrong passwords by address, by signed-in caller, or by mailed link: the growing delay.

The result of a password check counts only after this command, under a lock on the count. So of
any number of parallel guesses only the free ones learn whether they were right. A refused right
password runs the same statements as a wrong one.
"""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import JudgePassword
from services.users.domain import Tenant, TenantStatus
from services.users.domain.sign_in_delay import FORGOTTEN_AFTER, SignInFailures, caller_key, link_key
from services.users.tables import credentials, sign_in_failures
from waypost.ports.unit_of_work import UnitOfWork

failures = sign_in_failures.c


def address_digest(email: str) -> bytes:
    return hashlib.sha256(email.encode()).digest()


async def judge_password(command: JudgePassword, uow: UnitOfWork) -> bool:
    """Whether the password is accepted: right, and its key is not delayed. Addresses without an
    account are counted in the same way, but not those of a tenant that does not exist or is closed:
    no password opens it.
    """
    tenant = await uow.find(Tenant, command.tenant_id)
    if tenant is None or tenant.status is TenantStatus.CLOSED:
        return False
    digest = address_digest(command.failure_key)
    first = {
        "tenant_id": command.tenant_id,
        "address_digest": digest,
        "failures": 0,
        "failed_at": command.at,
        "refused_until": command.at,
    }
    # The update locks the row. Another right password may delete it while this one waits for the
    # lock: then PostgreSQL inserts it again.
    locked = (
        insert(sign_in_failures)
        .values(first)
        .on_conflict_do_update(index_elements=["tenant_id", "address_digest"], set_={"failures": failures.failures})
        .returning(failures.failures, failures.failed_at, failures.refused_until)
    )
    row = (await uow.rows.execute(locked)).one()
    mine = failures.address_digest == digest
    before = SignInFailures(failures=row.failures, failed_at=row.failed_at, refused_until=row.refused_until)
    if command.is_right and not before.are_refused(command.at):
        await uow.rows.execute(delete(sign_in_failures).where(mine))
        return True
    after = before.another(command.at)
    await uow.rows.execute(
        update(sign_in_failures)
        .where(mine)
        .values(failures=after.failures, failed_at=after.failed_at, refused_until=after.refused_until)
    )
    return False


async def forget_failures(user_id: UUID, uow: UnitOfWork) -> None:
    """After a proof of the address, such as a mailed link, and before an erasure deletes the
    credentials.
    """
    address = select(func.sha256(func.convert_to(credentials.c.email, "UTF8"))).where(credentials.c.user_id == user_id)
    counted = or_(
        failures.address_digest == address.scalar_subquery(),
        failures.address_digest.in_([address_digest(checks(user_id)) for checks in (caller_key, link_key)]),
    )
    await uow.rows.execute(delete(sign_in_failures).where(counted))


def is_forgotten(at: datetime) -> ColumnElement[bool]:
    """The condition of rows that no longer count."""
    return failures.failed_at <= at - FORGOTTEN_AFTER
