"""Parsers of command-line values. Each one raises BadParameter with an example of a valid value."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import typer

_AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d)")
_UNITS: Mapping[str, str] = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not an id. Ids look like 01a21327-343b-78b8-828e-29818cbf217b; the list commands print them"
        ) from error


def parse_time(text: str) -> datetime:
    """Parses an RFC 3339 time, a date, or a duration before now. The time zone is UTC if no offset
    is given.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a time. Use 2026-11-28T09:30Z, 2026-11-28, or a duration before now: 90min, 4h, 7d"
        ) from error


def parse_rate(text: str) -> float:
    """Parses a rate per second."""
    try:
        rate = float(text.strip().removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise typer.BadParameter(f"{text!r} is not a rate. Use a number per second greater than zero: 5 or 0.2/s")
    return rate
