"""Rules for money: a long of minor units together with a currency. Refuses binary fractions and
scaled decimals.
"""

from collections.abc import Iterator, Sequence

from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    Field,
    MapType,
    NullableType,
    RecordType,
    nested_fields,
)

MONEY_WORDS = frozenset(
    {"amount", "balance", "bonus", "budget", "charge", "cost", "credit", "debit", "debt", "deposit", "discount", "fee"}
    | {"fine", "fund", "income", "money", "payment", "payout", "price", "profit", "refund", "revenue", "salary"}
    | {"subsidy", "subtotal", "sum", "surcharge", "tariff", "tax", "tip", "total", "turnover", "vat", "wage"}
)
RATE_WORDS = frozenset({"rate", "ratio", "percent", "percentage", "factor", "share", "probability", "score"})
"""A field whose name ends with one of these is a number without a currency."""
_FRACTIONS = frozenset({"float", "double", "decimal"})


def money_problems(source: SchemaSource) -> Iterator[SchemaProblem]:
    """Problems of one file."""
    fields = tuple(nested_fields(source.fields))
    amounts = [(path, field) for path, field in fields if field.name.endswith("_minor")]
    wrong = [
        path for path, field in amounts if _leaf(field.type).kind != "long" or field.definition.get("unit") != "minor"
    ]
    if wrong:
        yield SchemaProblem(
            source.label,
            f"{', '.join(wrong)} is not valid money",
            "money is a long of minor units",
            'make it a long with "unit": "minor"',
        )
    if _lacks_currency(source.fields):
        yield SchemaProblem(
            source.label,
            "the record has amounts but no currency",
            "an amount without a currency has no meaning",
            "add the string field currency",
        )
    for path, field in fields:
        if _leaf(field.type).kind in _FRACTIONS and looks_like_money(field):
            yield SchemaProblem(
                f"{source.label}, field {path}",
                f"the name looks like money, but the type is {_leaf(field.type).kind}",
                "sums and rounding of fractions lose cents; money is an integer of minor units",
                f'make it a long named {field.name}_minor with "unit": "minor", and add currency;'
                ' if it is not money, state its unit, as in "unit": "kilogram"',
            )


def looks_like_money(field: Field) -> bool:
    """True if a word of the name is in MONEY_WORDS, singular or plural. A unit other than minor or
    major excludes the field.
    """
    words = field.name.split("_")
    unit = field.definition.get("unit")
    if words[-1] in RATE_WORDS or unit not in (None, "minor", "major"):
        return False
    return any(
        form in MONEY_WORDS for word in words for form in (word, word.removesuffix("s"), word.removesuffix("es"))
    )


def _lacks_currency(fields: Sequence[Field], *, known: bool = False) -> bool:
    """True if a record has amounts, but neither it nor an enclosing record has their currency."""
    known = known or any(field.name == "currency" and field.kind in ("string", "enum") for field in fields)
    if not known and any(field.name.endswith("_minor") for field in fields):
        return True
    leaves = (_leaf(field.type) for field in fields)
    return any(_lacks_currency(leaf.fields, known=known) for leaf in leaves if isinstance(leaf, RecordType))


def _leaf(type_: AvroType) -> AvroType:
    """The type inside null, arrays and maps."""
    match type_:
        case NullableType():
            return _leaf(type_.value)
        case ArrayType():
            return _leaf(type_.items)
        case MapType():
            return _leaf(type_.values)
        case _:
            return type_
