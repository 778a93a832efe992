"""Money in an event is a whole number of minor units beside a currency, for every field name and at
every nesting depth.
"""

import pytest

from tests.unit.schemas.folder import SchemaFolder
from tests.unit.schemas.rich import add_type, decimal

Capture = pytest.CaptureFixture[str]


def line(*fields: dict[str, object]) -> dict[str, object]:
    return {
        "type": "record",
        "name": "PricedLine",
        "doc": "A line.",
        "fields": [{"doc": "A value.", **each} for each in fields],
    }


@pytest.mark.parametrize(
    "field",
    [
        {"name": "amount", "type": "double"},
        {"name": "unit_price", "type": "float"},
        {"name": "shipping_fees", "type": decimal(10, 2)},
        {"name": "total_costs", "type": ["null", "double"], "default": None},
        {"name": "balances", "type": {"type": "map", "values": "double"}},
        {"name": "taxes", "type": {"type": "array", "items": decimal(10, 2)}},
        {"name": "price", "type": "double", "unit": "major"},
    ],
    ids=lambda field: field["name"],
)
def test_a_fraction_named_like_money_is_refused(
    folder: SchemaFolder, capsys: Capture, field: dict[str, object]
) -> None:
    add_type(folder, "tenant.charged", [field])
    assert folder.run("lock") == 1
    complaint = capsys.readouterr().err
    assert f"field {field['name']}: the name looks like money" in complaint
    assert f'make it a long named {field["name"]}_minor with "unit": "minor"' in complaint


def test_money_inside_a_record_is_refused_with_its_path(folder: SchemaFolder, capsys: Capture) -> None:
    lines = {"type": "array", "items": line({"name": "price", "type": "double"})}
    add_type(folder, "tenant.charged", [{"name": "lines", "type": lines}])
    assert folder.run("lock") == 1
    assert "field lines[].price: the name looks like money, but the type is double" in capsys.readouterr().err


@pytest.mark.parametrize(
    "field",
    [
        {"name": "tax_rate", "type": decimal(5, 2)},
        {"name": "discount_percent", "type": "double"},
        {"name": "total_weight", "type": "double", "unit": "kilogram"},
        {"name": "summary", "type": "string"},
        {"name": "total_count", "type": "int"},
    ],
    ids=lambda field: field["name"],
)
def test_a_rate_and_a_number_with_another_unit_are_not_money(folder: SchemaFolder, field: dict[str, object]) -> None:
    add_type(folder, "tenant.charged", [field])
    assert folder.run("lock") == 0


@pytest.mark.parametrize(("currency", "result"), [("event", 0), ("record", 0), ("nowhere", 1)])
def test_an_amount_needs_a_currency_in_its_record_or_around_it(
    folder: SchemaFolder, capsys: Capture, currency: str, result: int
) -> None:
    named: dict[str, object] = {"name": "currency", "type": "string"}
    price: dict[str, object] = {"name": "price_minor", "type": "long", "unit": "minor"}
    inner = line(price, named) if currency == "record" else line(price)
    fields: list[dict[str, object]] = [{"name": "lines", "type": {"type": "array", "items": inner}}]
    add_type(folder, "tenant.charged", [*fields, named] if currency == "event" else fields)
    assert folder.run("lock") == result
    assert ("the record has amounts but no currency" in capsys.readouterr().err) == bool(result)
