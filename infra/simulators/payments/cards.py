"""The test cards: their tokens, and the outcome of a charge on each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from infra.simulators.payments.errors import no_such


class CardBehaviour(StrEnum):
    """Behaviour of the provider before the outcome, to test the handling of each by a client."""

    PROMPT = "prompt"
    SLOW = "slow"
    SILENT_AFTER_CHARGE = "silent_after_charge"
    UNAVAILABLE_ONCE = "unavailable_once"

    @property
    def in_words(self) -> str:
        match self:
            case CardBehaviour.PROMPT:
                return "at once"
            case CardBehaviour.SLOW:
                return "after a while"
            case CardBehaviour.SILENT_AFTER_CHARGE:
                return "without an answer"
            case CardBehaviour.UNAVAILABLE_ONCE:
                return "at the second request"
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    id: str
    brand: str
    last4: str
    behaviour: CardBehaviour = CardBehaviour.PROMPT
    decline: Decline | None = None
    refund_failure: str | None = None
    """The failure code of each refund to the card."""

    @property
    def outcome(self) -> str:
        if self.refund_failure:
            return "Charged at once; its refunds fail"
        return self.decline.message if self.decline else f"Charged {self.behaviour.in_words}"


CARDS = {
    card.id: card
    for card in (
        Card(id="pm_card_visa", brand="visa", last4="4242"),
        Card(
            id="pm_card_declined",
            brand="visa",
            last4="0002",
            decline=Decline(code="card_declined", message="The card was declined"),
        ),
        Card(
            id="pm_card_insufficient_funds",
            brand="visa",
            last4="9995",
            decline=Decline(code="insufficient_funds", message="The card has insufficient funds"),
        ),
        Card(
            id="pm_card_timeout_after_charge",
            brand="mastercard",
            last4="4444",
            behaviour=CardBehaviour.SILENT_AFTER_CHARGE,
        ),
        Card(id="pm_card_refund_fails", brand="visa", last4="5126", refund_failure="expired_or_canceled_card"),
        Card(id="pm_card_slow", brand="mastercard", last4="5100", behaviour=CardBehaviour.SLOW),
        Card(id="pm_card_unavailable_once", brand="amex", last4="0005", behaviour=CardBehaviour.UNAVAILABLE_ONCE),
    )
}


def find_test_card(name: str) -> Card:
    """Raises `ProviderError` 404."""
    if name not in CARDS:
        raise no_such("test card", name)
    return CARDS[name]
