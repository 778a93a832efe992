"""The default message of an error is its class docstring, as one line: problems and dead letters
show it.
"""

import pytest

from services.billing.domain.errors import PaymentMethodUnknown
from waypost.kernel.errors import WaypostError


class OutOfOrder(WaypostError):
    """The first line of a sentence
    ends in the second.
    """


class Nameless(WaypostError):
    pass


def test_a_wrapped_docstring_becomes_one_line() -> None:
    assert str(OutOfOrder()) == "The first line of a sentence ends in the second."


@pytest.mark.parametrize("error", [OutOfOrder(), PaymentMethodUnknown()])
def test_a_default_message_has_no_line_break(error: WaypostError) -> None:
    assert "\n" not in str(error) and "  " not in str(error)


def test_a_given_message_stays_as_it_is() -> None:
    assert str(OutOfOrder("line one\nline two")) == "line one\nline two"
    Nameless.__doc__ = None
    assert str(Nameless()) == "Nameless"
