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
)
from services.billing.domain.errors import CustomerInArrears, CustomerIsErased
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId


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
        self.erased = False
        self.written_off: frozenset[UUID] = frozenset()
        """Written-off invoices that are neither paid nor voided."""

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
        """The newest card."""
        return self.payment_methods[-1] if self.payment_methods else None

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
        """The card becomes the default. Raises CustomerIsErased."""
        self.require_present()
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

    def erase(self, at: datetime) -> None:
        """Erases the person. A repeated call changes nothing."""
        if not self.erased:
            self.record(CustomerErased(tenant_id=self.tenant_id, customer_id=self.id, erased_at=at))

    def apply(self, event: Event) -> None:
        match event:
            case CustomerCreated() | CustomerUpdated():
                self.email, self.display_name, self.locale = event.email, event.display_name, event.locale
            case PaymentMethodAttached():
                method = PaymentMethod(id=event.payment_method_id, brand=event.brand, last4=event.last4)
                self.payment_methods = (*self.payment_methods, method)
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
