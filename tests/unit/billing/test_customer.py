"""The customer aggregate: cards, changes and erasure."""

from uuid import uuid4

import pytest

from schemas.billing import EVENTS
from schemas.billing import PaymentMethodDetached as Detached
from services.billing.domain import Customer, PaymentMethod
from services.billing.domain.customer import MAX_CARDS
from services.billing.domain.errors import CustomerIsErased, NoSuchCard, TooManyCards
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
    customer.detach(AMEX.id, NOW)
    assert [*charged, customer.default_payment_method] == [None, VISA, AMEX, VISA]


def test_a_chosen_card_is_the_default_until_another_is_chosen(customer: Customer) -> None:
    cards = [PaymentMethod(id=uuid4(), brand="visa", last4=f"000{number}") for number in range(3)]
    for card in cards:
        customer.attach(card, NOW)
    for chosen in (0, 0, 1):
        customer.make_default(cards[chosen].id, NOW)
        assert customer.default_payment_method_id == cards[chosen].id
    assert kinds(customer).count("payment_method.made_default") == 2, "the second choice had no effect"
    customer.detach(cards[1].id, NOW)
    assert customer.default_payment_method_id == cards[0].id, "the one before is the default again"
    customer.detach(cards[2].id, NOW)
    assert customer.default_payment_method_id == cards[0].id, "another card was detached"
    customer.detach(cards[0].id, NOW)
    announced = [event.default_payment_method_id for event in customer.recorded if isinstance(event, Detached)]
    assert announced == [cards[0].id, cards[0].id, None]


def test_a_customer_has_ten_cards_at_most(customer: Customer) -> None:
    cards = [PaymentMethod(id=uuid4(), brand="visa", last4="4242") for _ in range(MAX_CARDS)]
    for card in cards:
        customer.attach(card, NOW)
    with pytest.raises(TooManyCards):
        customer.attach(VISA, NOW)
    customer.detach(cards[4].id, NOW)
    customer.attach(VISA, NOW)
    assert len(customer.payment_methods) == MAX_CARDS == 10


def test_a_card_of_another_customer_is_unknown(customer: Customer) -> None:
    customer.attach(VISA, NOW)
    for act in (customer.detach, customer.make_default):
        with pytest.raises(NoSuchCard):
            act(AMEX.id, NOW)
    assert kinds(customer) == ["customer.created", "payment_method.attached"]


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
    for act in (customer.detach, customer.make_default):
        with pytest.raises(CustomerIsErased):
            act(VISA.id, NOW)
    with pytest.raises(CustomerIsErased):
        customer.require_present()


def test_card_digits_are_hidden_in_the_representation(customer: Customer) -> None:
    assert VISA.last4 not in repr(VISA)


def test_each_event_of_a_customer_is_projected() -> None:
    assert set(CUSTOMER_ROWS.handlers) == {kind for kind in EVENTS if kind.topic == "billing.customer"}
