"""The reactor that suspends users with written-off invoices, until these are paid or voided."""

from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert

from schemas.billing import CustomerInvoiceWrittenOff, CustomerWriteOffSettled
from services.users.domain import User
from services.users.handlers.sessions import end_sessions_of
from services.users.tables import write_offs
from waypost.kernel.envelope import Envelope
from waypost.kernel.role import Role
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork


async def suspend_debtor(written_off: Envelope[CustomerInvoiceWrittenOff], uow: UnitOfWork) -> None:
    """Suspends the user, whose id is the customer's. An owner is never suspended: billing limits
    the tenant to paying. An invoice suspends its user once: a replayed event does not suspend a
    reactivated user again.
    """
    event = written_off.event
    if not await _is_first(event.tenant_id, event.invoice_id, uow):
        return
    user = await uow.load(User, event.customer_id)
    if user.role is Role.OWNER:
        return
    user.suspend("nonpayment", event.written_off_at)
    await end_sessions_of(user, uow)


async def reactivate_payer(settled: Envelope[CustomerWriteOffSettled], uow: UnitOfWork) -> None:
    """Ends the suspension when no written-off invoice is left; a suspension for another reason
    stays.
    """
    event = settled.event
    if event.outstanding > 0 or not await _is_first(event.tenant_id, uuid5(event.invoice_id, "settled"), uow):
        return
    user = await uow.load(User, event.customer_id)
    user.reactivate_after_payment(event.settled_at)


async def _is_first(tenant_id: UUID, handled: UUID, uow: UnitOfWork) -> bool:
    statement = insert(write_offs).values(tenant_id=tenant_id, invoice_id=handled).on_conflict_do_nothing()
    return (await uow.rows.execute(statement)).rowcount == 1


DUNNING = Reactor("dunning", {CustomerInvoiceWrittenOff: suspend_debtor, CustomerWriteOffSettled: reactivate_payer})
