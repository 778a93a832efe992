"""Money as people read it."""

from waypost.kernel.money import Money


def test_amounts_have_the_decimals_of_their_currency() -> None:
    amounts = [str(Money(123_456, currency)) for currency in ("EUR", "JPY", "KWD")]
    assert amounts == ["1,234.56 EUR", "123,456 JPY", "123.456 KWD"]
    assert (str(Money(5, "EUR")), str(Money(-1_005, "EUR"))) == ("0.05 EUR", "-10.05 EUR")
