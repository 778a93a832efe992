"""CSV documents (RFC 4180) whose cells no spreadsheet program computes."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from waypost.kernel.text import spreadsheet_cell, storable

MEDIA_TYPE = "text/csv; header=present"
"""Starlette adds the charset."""


def csv_document(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header line and a line per row. Text that begins like a formula gets an apostrophe; numbers
    stay numbers. Every CSV export uses this function.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(columns)
    table.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return spreadsheet_cell(storable(value)) if isinstance(value, str) else value
