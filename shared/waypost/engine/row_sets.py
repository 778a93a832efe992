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
from sqlalchemy import Table


def rows_clause(table: Table) -> str:
    """The rows of the parameter `:rows`, for a `from` clause."""
    return f"json_populate_recordset(null::{table.name}, cast(:rows as json))"


def rows_argument(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """The parameter `rows`. An absent column is null. Raises TypeError for a value of a type that
    JSON cannot express.
    """
    return {"rows": orjson.dumps(rows, default=_as_text).decode()}


def quoted(name: str) -> str:
    """The name of a column, which may be a reserved word."""
    return f'"{name}"'


def _as_text(value: object) -> str:
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    raise TypeError(f"a row cannot contain a value of {type(value).__name__}")
