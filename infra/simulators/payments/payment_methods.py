"""Payment methods: a card that was entered at the provider, and its owner.

A payment method is made from a test card, and belongs to the first customer that it is attached to.
Attaching a test card itself makes a payment method of that customer, always the same one.
"""

from sqlite3 import Connection, Row
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from infra.simulators.payments.cards import CARDS, Card, find_test_card
from infra.simulators.payments.errors import no_such, taken
from waypost.kernel.ids import new_id


def add_payment_method(connection: Connection, card: str, created_at: str) -> dict[str, Any]:
    """A payment method without an owner, as the provider's page makes it when a card was entered.
    Raises `ProviderError` 404 for an unknown test card.
    """
    token = f"pm_{new_id().hex}"
    _insert(connection, token, find_test_card(card), None, created_at)
    return get_payment_method(connection, token)


def attach(connection: Connection, token: str, customer: str, created_at: str) -> dict[str, Any]:
    """The customer's payment method. A repeated call changes nothing. Raises `ProviderError` 404,
    and 400 for a payment method of another customer.
    """
    if token in CARDS:
        token, card = f"pm_{uuid5(NAMESPACE_URL, f'{customer} {token}').hex}", CARDS[token]
        _insert(connection, token, card, customer, created_at)
    elif _row(connection, token)["customer"] not in (None, customer):
        raise taken(token)
    connection.execute("update payment_methods set customer = ? where id = ?", (customer, token))
    return get_payment_method(connection, token)


def get_payment_method(connection: Connection, token: str) -> dict[str, Any]:
    """Raises `ProviderError` 404."""
    card = card_of(connection, token)
    customer = None if token in CARDS else _row(connection, token)["customer"]
    return {
        "id": token,
        "object": "payment_method",
        "brand": card.brand,
        "last4": card.last4,
        "customer": customer,
    }


def card_of(connection: Connection, token: str) -> Card:
    """The test card of a payment method. Raises `ProviderError` 404."""
    return CARDS[token] if token in CARDS else CARDS[_row(connection, token)["card"]]


def _insert(connection: Connection, token: str, card: Card, customer: str | None, created_at: str) -> None:
    connection.execute(
        "insert or ignore into payment_methods (id, card, customer, created_at) values (?, ?, ?, ?)",
        (token, card.id, customer, created_at),
    )


def _row(connection: Connection, token: str) -> Row:
    row: Row | None = connection.execute("select * from payment_methods where id = ?", (token,)).fetchone()
    if row is None:
        raise no_such("payment method", token)
    return row
