"""Money is a long of minor units beside a currency. Binary fractions and scaled decimals are
refused for it.
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
"""A name that ends so is a number without a currency."""
_FRACTIONS = frozenset({"float", "double", "decimal"})


def money_problems(source: SchemaSource) -> Iterator[SchemaProblem]:
    """Of one file."""
    fields = tuple(nested_fields(source.fields))
    amounts = [(path, each) for path, each in fields if each.name.endswith("_minor")]
    wrong = [
        path for path, each in amounts if _leaf(each.type).kind != "long" or each.definition.get("unit") != "minor"
    ]
    if wrong:
        yield SchemaProblem(
            source.label,
            f"{', '.join(wrong)} is no money",
            "money is a long of minor units",
            'make it a long with "unit": "minor"',
        )
    if _lacks_currency(source.fields):
        yield SchemaProblem(
            source.label,
            "it names amounts but no currency",
            "an amount alone says nothing",
            "add the string field currency",
        )
    for path, each in fields:
        if _leaf(each.type).kind in _FRACTIONS and looks_like_money(each):
            yield SchemaProblem(
                f"{source.label}, field {path}",
                f"its name looks like money, and it is a {_leaf(each.type).kind}",
                "fractions lose cents when they are added or rounded; money is a whole number of minor units",
                f'make it a long named {each.name}_minor with "unit": "minor", and add currency;'
                ' if it is not money, state its unit, as in "unit": "kilogram"',
            )


def looks_like_money(each: Field) -> bool:
    """By the words of the name, singular or plural. A stated unit other than minor or major says
    that it is something else.
    """
    words = each.name.split("_")
    unit = each.definition.get("unit")
    if words[-1] in RATE_WORDS or unit not in (None, "minor", "major"):
        return False
    return any(
        form in MONEY_WORDS for word in words for form in (word, word.removesuffix("s"), word.removesuffix("es"))
    )


def _lacks_currency(fields: Sequence[Field], *, known: bool = False) -> bool:
    """Whether a record names amounts, and neither it nor a record around it names their currency."""
    known = known or any(each.name == "currency" and each.kind in ("string", "enum") for each in fields)
    if not known and any(each.name.endswith("_minor") for each in fields):
        return True
    leaves = (_leaf(each.type) for each in fields)
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
