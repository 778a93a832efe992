"""The bounds of a period in requests: UTC days, or timestamps with an offset."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from waypost.web.models import LATEST, Moment

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _start(value: object) -> object:
    day = _day(value)
    return value if day is None else _midnight(day)


def _end(value: object) -> object:
    day = _day(value)
    return value if day is None else _midnight(min(day, LATEST.date())) + timedelta(days=1)


def _day(value: object) -> date | None:
    """The day in `value`, or None for a timestamp. Raises ValueError for other values, also for
    numbers, which pydantic would read as seconds since 1970.
    """
    if isinstance(value, str) and _DAY.fullmatch(value):
        return date.fromisoformat(value)
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return None
    raise ValueError("write a day (2026-01-31) or a timestamp with its offset (2026-01-31T09:30:00Z)")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


_SCHEMA = WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]})

PeriodStart = Annotated[Moment, BeforeValidator(_start), _SCHEMA]
"""A day means its first moment."""
PeriodEnd = Annotated[Moment, BeforeValidator(_end), _SCHEMA]
"""A day means its end, so the day belongs to the period. A timestamp is itself not in the period.
"""
