"""Named parameters become the driver's numbers."""

import pytest

from waypost.postgres.sql import NamedSql


def test_a_name_has_one_number_however_often_it_occurs() -> None:
    statement = NamedSql("select :a::uuid where :b::text is null or b = :b or a = :a")
    assert statement.text == "select $1::uuid where $2::text is null or b = $2 or a = $1"


def test_values_are_bound_in_the_order_of_their_numbers() -> None:
    statement = NamedSql("select :second, :first")
    assert statement.bind({"first": 1, "second": 2, "unused": 3}) == ("select $1, $2", 2, 1)


def test_a_missing_value_is_named() -> None:
    with pytest.raises(KeyError, match="first"):
        NamedSql("select :first").bind({})
