"""The cards of customers. A token is stored in a row beside the events."""

from uuid import UUID

from sqlalchemy import delete, insert, select

from services.billing.commands import AttachedCard, AttachPaymentMethod, DetachPaymentMethod, MakeDefault
from services.billing.domain import AttemptStatus, Customer
from services.billing.domain.errors import CardInUse, NotTheCustomer
from services.billing.handlers.customer_lock import lock_customer
from services.billing.tables import payment_attempts, payment_methods
from waypost.ports.unit_of_work import UnitOfWork


async def attach_payment_method(command: AttachPaymentMethod, uow: UnitOfWork) -> AttachedCard:
    """A token that the customer attached before is the same card; it becomes the default again.
    Raises NotFound, CustomerIsErased, TooManyCards.
    """
    customer = await lock_customer(command.customer_id, uow)
    known_id = await _card_with(command.token, customer, uow)
    if known_id is not None:
        customer.make_default(known_id, command.at)
        return AttachedCard(customer=customer, method=customer.payment_method(known_id), is_new=False)
    customer.attach(command.method, command.at)
    await uow.rows.execute(
        insert(payment_methods).values(
            tenant_id=customer.tenant_id,
            payment_method_id=command.method.id,
            customer_id=customer.id,
            token=command.token,
        )
    )
    return AttachedCard(customer=customer, method=command.method, is_new=True)


async def make_default(command: MakeDefault, uow: UnitOfWork) -> Customer:
    """Raises NotFound, NotTheCustomer, CustomerIsErased, NoSuchCard."""
    customer = await lock_customer(command.customer_id, uow)
    if command.requested_by != customer.id:
        raise NotTheCustomer
    customer.expect(command.expected_version)
    customer.make_default(command.payment_method_id, command.at)
    return customer


async def detach_payment_method(command: DetachPaymentMethod, uow: UnitOfWork) -> Customer:
    """Deletes the token: the card is not charged any more. Raises NotFound, CustomerIsErased,
    NoSuchCard, CardInUse.
    """
    customer = await lock_customer(command.customer_id, uow)
    customer.expect(command.expected_version)
    customer.detach(command.payment_method_id, command.at)
    if await _is_charged(command.payment_method_id, uow):
        raise CardInUse
    await uow.rows.execute(
        delete(payment_methods).where(payment_methods.c.payment_method_id == command.payment_method_id)
    )
    return customer


async def _card_with(token: str, customer: Customer, uow: UnitOfWork) -> UUID | None:
    """The caller holds the customer's lock: a concurrent request could attach the card between the
    reads of the customer and of the row.
    """
    of_token = (payment_methods.c.customer_id == customer.id, payment_methods.c.token == token)
    newest_first = payment_methods.c.payment_method_id.desc()
    card = select(payment_methods.c.payment_method_id).where(*of_token).order_by(newest_first).limit(1)
    return (await uow.rows.execute(card)).scalar_one_or_none()


async def _is_charged(method_id: UUID, uow: UnitOfWork) -> bool:
    """Pending attempts are few, and a partial index holds only these."""
    columns = payment_attempts.c
    pending = (columns.status == AttemptStatus.PENDING.value, columns.payment_method_id == method_id)
    return (await uow.rows.execute(select(columns.id).where(*pending).limit(1))).one_or_none() is not None
