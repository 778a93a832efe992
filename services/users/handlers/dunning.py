"""Nonpayment, as billing tells it."""

from schemas.billing import InvoiceMarkedUncollectible
from services.users.domain import User
from services.users.handlers.sessions import end_sessions_of
from shared.kernel.envelope import Envelope
from shared.ports.handlers import Reactor
from shared.ports.unit_of_work import UnitOfWork


async def suspend_debtor(marked: Envelope[InvoiceMarkedUncollectible], uow: UnitOfWork) -> None:
    """A billing customer has its user's id. A second invoice written off changes nothing."""
    user = await uow.load(User, marked.event.customer_id)
    user.suspend("nonpayment", marked.event.marked_at)
    await end_sessions_of(user, uow)


DUNNING = Reactor("dunning", {InvoiceMarkedUncollectible: suspend_debtor})
