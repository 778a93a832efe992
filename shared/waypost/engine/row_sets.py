"""Rows of a table as one parameter of a statement: `from json_populate_recordset(null::TABLE, …)`.

One statement for all rows, because the policy of a tenant table computes the set of bound tenants
once per statement (decision 0044). JSON, because `unnest` would flatten columns that are arrays,
and because a swap of schemas changes the type with the table's name, so that a prepared statement
must not have it as a parameter.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)

_PLAIN = frozenset(
    {BigInteger, Boolean, Date, DateTime, Integer, LargeBinary, Numeric, SmallInteger, String, Text, Uuid}
)


def rows_clause(table: Table) -> str:
    """The rows of the parameter `:rows`, for a `from` clause."""
    return f"json_populate_recordset(null::{table.name}, cast(:rows as json))"


def rows_argument(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """The parameter `rows`. An absent column is null. Raises TypeError for a value of a type that
    JSON cannot express.
    """
    return {"rows": orjson.dumps(rows, default=_as_text).decode()}


def is_plain(column: Column[Any]) -> bool:
    """Whether the server converts the column's values from JSON to what the driver stores for the
    same values. Not so: floats, which may be infinite; enumerations and other types that SQLAlchemy
    converts; and columns with `onupdate`.
    """
    kind = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    return type(kind) in _PLAIN and column.onupdate is None


def is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON) and column.onupdate is None


def quoted(name: str) -> str:
    """The name of a column, which may be a reserved word."""
    return f'"{name}"'


def _as_text(value: object) -> str:
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    raise TypeError(f"a row cannot contain a value of {type(value).__name__}")
