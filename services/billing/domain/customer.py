"""A user in billing: the recipient of invoices, and the cards that pay them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from schemas.billing import (
    CustomerCreated,
    CustomerErased,
    CustomerInvoiceWrittenOff,
    CustomerUpdated,
    CustomerWriteOffSettled,
    PaymentMethodAttached,
    PaymentMethodDetached,
    PaymentMethodMadeDefault,
)
from services.billing.domain.errors import CustomerInArrears, CustomerIsErased, NoSuchCard, TooManyCards
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId

MAX_CARDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A card with the details that people recognize. The provider's token is stored in a row of
    this service and never appears in an event.
    """

    id: UUID
    brand: str
    last4: str = field(repr=False)


class Customer(Aggregate):
    """A user as the recipient of invoices; the id is the id of the user."""

    aggregate_type: ClassVar[str] = "customer"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.email: str | None = None
        self.display_name: str | None = None
        self.locale = ""
        self.payment_methods: tuple[PaymentMethod, ...] = ()
        """The card that was attached or chosen last is at the end: it is the default."""
        self.erased = False
        self.written_off: frozenset[UUID] = frozenset()
        """Written-off invoices that are neither paid nor voided."""
        self.created_at: datetime

    @classmethod
    def open(
        cls, user_id: UUID, tenant_id: TenantId, *, email: str, display_name: str, locale: str, at: datetime
    ) -> Self:
        customer = cls(user_id, tenant_id)
        customer.record(
            CustomerCreated(
                tenant_id=tenant_id,
                customer_id=user_id,
                email=email,
                display_name=display_name,
                locale=locale,
                created_at=at,
            )
        )
        return customer

    @property
    def default_payment_method(self) -> PaymentMethod | None:
        """The card that was attached or chosen last."""
        return self.payment_methods[-1] if self.payment_methods else None

    @property
    def default_payment_method_id(self) -> UUID | None:
        return self.default_payment_method.id if self.default_payment_method else None

    def require_present(self) -> None:
        """Raises CustomerIsErased."""
        if self.erased:
            raise CustomerIsErased

    @property
    def in_arrears(self) -> bool:
        return bool(self.written_off)

    def require_no_arrears(self) -> None:
        """Raises CustomerInArrears."""
        if self.in_arrears:
            raise CustomerInArrears

    def write_off(self, invoice_id: UUID, at: datetime) -> None:
        self.record(
            CustomerInvoiceWrittenOff(
                tenant_id=self.tenant_id,
                customer_id=self.id,
                invoice_id=invoice_id,
                outstanding=len(self.written_off | {invoice_id}),
                written_off_at=at,
            )
        )

    def settle_write_off(self, invoice_id: UUID, at: datetime) -> None:
        """The written-off invoice was paid or voided."""
        self.record(
            CustomerWriteOffSettled(
                tenant_id=self.tenant_id,
                customer_id=self.id,
                invoice_id=invoice_id,
                outstanding=len(self.written_off - {invoice_id}),
                settled_at=at,
            )
        )

    def update(
        self, at: datetime, *, email: str | None = None, display_name: str | None = None, locale: str | None = None
    ) -> None:
        """Fields that are None keep their value. Records nothing if no value changes or the
        customer is erased.
        """
        now = (self.email or "", self.display_name or "", self.locale)
        wanted = (email or now[0], display_name or now[1], locale or now[2])
        if self.erased or wanted == now:
            return
        self.record(
            CustomerUpdated(
                tenant_id=self.tenant_id,
                customer_id=self.id,
                email=wanted[0],
                display_name=wanted[1],
                locale=wanted[2],
                updated_at=at,
            )
        )

    def attach(self, method: PaymentMethod, at: datetime) -> None:
        """The card becomes the default. Raises CustomerIsErased, TooManyCards."""
        self.require_present()
        if len(self.payment_methods) >= MAX_CARDS:
            raise TooManyCards
        self.record(
            PaymentMethodAttached(
                tenant_id=self.tenant_id,
                customer_id=self.id,
                payment_method_id=method.id,
                brand=method.brand,
                last4=method.last4,
                attached_at=at,
            )
        )

    def make_default(self, method_id: UUID, at: datetime) -> None:
        """Later invoices are charged to this card. Records nothing if it is the default already.
        Raises CustomerIsErased, NoSuchCard.
        """
        self.require_present()
        if self.payment_method(method_id) != self.default_payment_method:
            self.record(
                PaymentMethodMadeDefault(
                    tenant_id=self.tenant_id, customer_id=self.id, payment_method_id=method_id, made_default_at=at
                )
            )

    def detach(self, method_id: UUID, at: datetime) -> None:
        """The default is then the remaining card that was attached or chosen last. Raises
        CustomerIsErased, NoSuchCard.
        """
        self.require_present()
        gone = self.payment_method(method_id)
        remaining = [method for method in self.payment_methods if method != gone]
        self.record(
            PaymentMethodDetached(
                tenant_id=self.tenant_id,
                customer_id=self.id,
                payment_method_id=gone.id,
                default_payment_method_id=remaining[-1].id if remaining else None,
                detached_at=at,
            )
        )

    def payment_method(self, method_id: UUID) -> PaymentMethod:
        """Raises NoSuchCard."""
        for method in self.payment_methods:
            if method.id == method_id:
                return method
        raise NoSuchCard

    def erase(self, at: datetime) -> None:
        """Erases the person. A repeated call changes nothing."""
        if not self.erased:
            self.record(CustomerErased(tenant_id=self.tenant_id, customer_id=self.id, erased_at=at))

    def apply(self, event: Event) -> None:
        match event:
            case CustomerCreated() | CustomerUpdated():
                if isinstance(event, CustomerCreated):
                    self.created_at = event.created_at
                self.email, self.display_name, self.locale = event.email, event.display_name, event.locale
            case PaymentMethodAttached():
                method = PaymentMethod(id=event.payment_method_id, brand=event.brand, last4=event.last4)
                self.payment_methods = (*self.payment_methods, method)
            case PaymentMethodMadeDefault(payment_method_id=chosen):
                self.payment_methods = tuple(sorted(self.payment_methods, key=lambda method: method.id == chosen))
            case PaymentMethodDetached(payment_method_id=gone):
                self.payment_methods = tuple(method for method in self.payment_methods if method.id != gone)
            case CustomerInvoiceWrittenOff(invoice_id=invoice_id):
                self.written_off |= {invoice_id}
            case CustomerWriteOffSettled(invoice_id=invoice_id):
                self.written_off -= {invoice_id}
            case CustomerErased():
                self.email = self.display_name = None
                self.payment_methods, self.erased = (), True
            case _:
                raise TypeError(f"{event.type} is not an event of a customer")
