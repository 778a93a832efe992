"""Defaults have the Python type of their field: in the generated class, and in old events that lack
the field.
"""

import subprocess
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from tests.unit.schemas.folder import SchemaFolder
from tests.unit.schemas.rich import FIELDS, ORDER, add_type, decimal, ordered, publish
from waypost.kernel.frozen_map import FrozenMap
from waypost.schemas.classes import generate
from waypost.schemas.codec import AvroCodec


class Long:
    """Defaults that need more than one line."""

    STOP: ClassVar = {"street": "A street with a name that is very long indeed", "floor": None}
    FIELDS: ClassVar[list[dict[str, Any]]] = [
        *FIELDS,
        {"name": "home", "type": "Address", "default": {"street": "x"}},
        {"name": "homes", "type": {"type": "array", "items": "Address"}, "default": [STOP, STOP, STOP]},
        {"name": "places", "type": {"type": "map", "values": "Address"}, "default": {"a": STOP, 'b"c': STOP}},
        {"name": "one", "type": {"type": "array", "items": "string"}, "default": ["x"]},
        {"name": "labels", "type": {"type": "map", "values": "string"}, "default": {}},
        {"name": "sealed", "type": "bytes", "default": '\u00ff"'},
        {"name": "kind", "type": "OrderStatus", "default": "open"},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}, "default": -1},
        {"name": "since", "type": {"type": "long", "logicalType": "timestamp-micros"}, "default": 1},
        {"name": "noon", "type": {"type": "int", "logicalType": "time-millis"}, "default": 43200000},
        {"name": "rate", "type": decimal(5, 2), "default": "\u0001\u0000"},
        {"name": "owner", "type": {"type": "string", "logicalType": "uuid"}}
        | {"default": "00000000-0000-0000-0000-000000000001"},
        {"name": "quote", "type": "string", "default": 'it\'s "so"', "doc": 'A doc with \\ and """ and a "quote"'},
    ]


def test_generated_text_pleases_formatter_and_linter(folder: SchemaFolder) -> None:
    add_type(folder, ORDER, Long.FIELDS)
    text = generate(folder.root)[folder.root / "users.py"]
    ruff = [sys.executable, "-m", "ruff"]
    formatted = subprocess.run(
        [*ruff, "format", "--stdin-filename", "users.py", "-"], input=text.encode(), capture_output=True, check=True
    )
    assert formatted.stdout.decode() == text
    found = subprocess.run(
        [*ruff, "check", "--stdin-filename", "users.py", "-"], input=text.encode(), capture_output=True, check=False
    )
    assert found.returncode == 0, found.stdout.decode()


def test_defaults_of_every_type_are_values_of_their_python_type(folder: SchemaFolder) -> None:
    """In the class, and in the resolution of an event that was written before the field was
    there.
    """
    publish(folder, ORDER, FIELDS)
    events = folder.events()
    old = ordered(events[ORDER])
    payload = AvroCodec(root=folder.root, events=events, upcasters={}).encode(old).payload
    publish(folder, ORDER, Long.FIELDS, version=2)
    events = folder.events()
    decoded: Any = AvroCodec(root=folder.root, events=events, upcasters={}).decode(ORDER, payload)
    built: Any = ordered(events[ORDER], tenant_id=old.tenant_id)
    assert decoded == built and repr(decoded) == repr(built)
    assert (decoded.day, decoded.noon, decoded.rate) == (date(1969, 12, 31), time(12), Decimal("2.56"))
    assert decoded.since == datetime(1970, 1, 1, microsecond=1, tzinfo=UTC)
    assert decoded.sealed == b'\xff"' and decoded.homes[0].floor is None and decoded.kind == "open"
    assert type(decoded.owner).__name__ == "UUID" and isinstance(decoded.places, FrozenMap)


def logical(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "logicalType": name}


@pytest.mark.parametrize(
    ("kind", "default", "reason"),
    [
        (logical("string", "uuid"), "", "badly formed"),
        (logical("string", "uuid"), "none", "badly formed"),
        (logical("string", "uuid"), "{00000000-0000-0000-0000-000000000001}", "four hyphens"),
        (logical("long", "timestamp-micros"), 2**63 - 1, "outside the range of a timestamp-micros"),
        (logical("long", "timestamp-millis"), 2**62, "outside the range of a timestamp-millis"),
        (logical("int", "date"), 2**31 - 1, "date"),
        (logical("int", "time-millis"), 86_400_000, "outside a day"),
        (logical("long", "time-micros"), -1, "outside a day"),
        (decimal(3, 1), "\u0003\u00e8", "more than 3 digits"),
        (decimal(3, 1), "\u0100", "up to 255"),
        ("int", 2**31, "32 bits"),
        ("float", 0.1, "32 bits represent exactly"),
        ({"type": "fixed", "name": "Two", "size": 2}, "a", "2 bytes"),
        ({"type": "array", "items": "long"}, ["a"], "whole number"),
        ({"type": "map", "values": logical("int", "date")}, {"a": "b"}, "whole number"),
    ],
)
def test_a_default_that_its_type_cannot_hold_is_refused(
    folder: SchemaFolder, capsys: pytest.CaptureFixture[str], kind: object, default: object, reason: str
) -> None:
    add_type(folder, "tenant.tried", [{"name": "tried", "type": kind, "default": default}])
    assert folder.run("lock") == 1
    complaint = capsys.readouterr().err
    assert "field tried: the default does not fit the type" in complaint and reason in complaint
