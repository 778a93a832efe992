"""The reactor that suspends users whose invoices were written off."""

from sqlalchemy.dialects.postgresql import insert

from schemas.billing import InvoiceMarkedUncollectible
from services.users.domain import User
from services.users.handlers.sessions import end_sessions_of
from services.users.tables import write_offs
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork


async def suspend_debtor(marked: Envelope[InvoiceMarkedUncollectible], uow: UnitOfWork) -> None:
    """Suspends the user, whose id is the customer id of the invoice. An invoice suspends its user
    once: a replayed event does not suspend a reactivated user again.
    """
    if not await _is_first(marked.event, uow):
        return
    user = await uow.load(User, marked.event.customer_id)
    user.suspend("nonpayment", marked.event.marked_at)
    await end_sessions_of(user, uow)


async def _is_first(marked: InvoiceMarkedUncollectible, uow: UnitOfWork) -> bool:
    statement = (
        insert(write_offs).values(tenant_id=marked.tenant_id, invoice_id=marked.invoice_id).on_conflict_do_nothing()
    )
    return (await uow.rows.execute(statement)).rowcount == 1


DUNNING = Reactor("dunning", {InvoiceMarkedUncollectible: suspend_debtor})
