"""What people type, and what they are told when it is none of what is meant."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import typer

_AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d)")
_UNITS: Mapping[str, str] = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def an_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no id; one looks like 01a21327-343b-78b8-828e-29818cbf217b and stands in the lists"
        ) from error


def a_moment(text: str) -> datetime:
    """RFC 3339, a day, or how long ago; UTC where no offset is given."""
    if ago := _AGO.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time; give one like 2026-11-28T09:30Z or 2026-11-28, or how long ago: 90min, 4h, 7d"
        ) from error


def a_rate(text: str) -> float:
    """So many a second."""
    try:
        rate = float(text.strip().removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise typer.BadParameter(f"{text!r} is no rate; give how many a second, more than none: 5 or 0.2/s")
    return rate
