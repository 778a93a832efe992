"""The customer aggregate: cards, changes and erasure."""

from uuid import uuid4

import pytest

from schemas.billing import EVENTS, PaymentMethodDetached
from services.billing.domain import Customer, PaymentMethod
from services.billing.domain.errors import CustomerIsErased
from services.billing.projections.customers import CUSTOMER_ROWS
from tests.unit.billing.invoices import NOW
from waypost.kernel.ids import TenantId

VISA = PaymentMethod(id=uuid4(), brand="visa", last4="4242")
AMEX = PaymentMethod(id=uuid4(), brand="amex", last4="0005")


@pytest.fixture
def customer() -> Customer:
    return Customer.open(uuid4(), TenantId(uuid4()), email="ada@example.com", display_name="Ada", locale="en", at=NOW)


def kinds(customer: Customer) -> list[str]:
    return [event.type for event in customer.recorded]


def test_the_newest_card_is_the_default(customer: Customer) -> None:
    charged = [customer.default_payment_method]
    for method in (VISA, AMEX):
        customer.attach(method, NOW)
        charged.append(customer.default_payment_method)
    customer.record(_detached(customer, AMEX))
    assert [*charged, customer.default_payment_method] == [None, VISA, AMEX, VISA]


def test_a_change_without_an_effect_records_nothing(customer: Customer) -> None:
    customer.update(NOW, email="ada@example.com", display_name="Ada")
    assert kinds(customer) == ["customer.created"]
    customer.update(NOW, email="countess@example.com")
    assert kinds(customer) == ["customer.created", "customer.updated"]
    assert (customer.email, customer.display_name, customer.locale) == ("countess@example.com", "Ada", "en")


def test_an_erased_customer_has_no_personal_data_and_stays_erased(customer: Customer) -> None:
    customer.attach(VISA, NOW)
    for _ in range(2):
        customer.erase(NOW)
    customer.update(NOW, email="ada@example.com")
    assert kinds(customer) == ["customer.created", "payment_method.attached", "customer.erased"]
    assert (customer.email, customer.display_name, customer.payment_methods) == (None, None, ())
    with pytest.raises(CustomerIsErased):
        customer.attach(AMEX, NOW)
    with pytest.raises(CustomerIsErased):
        customer.require_present()


def test_card_digits_are_hidden_in_the_representation(customer: Customer) -> None:
    assert VISA.last4 not in repr(VISA)


def test_each_event_of_a_customer_is_projected() -> None:
    assert set(CUSTOMER_ROWS.handlers) == {kind for kind in EVENTS if kind.topic == "billing.customer"}


def _detached(customer: Customer, method: PaymentMethod) -> PaymentMethodDetached:
    return PaymentMethodDetached(
        tenant_id=customer.tenant_id, customer_id=customer.id, payment_method_id=method.id, detached_at=NOW
    )
