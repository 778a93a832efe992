"""An event that uses every type, and the helpers that publish an event type of a test's own."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from tests.unit.schemas.folder import SchemaFolder
from waypost.kernel.event import Event
from waypost.kernel.frozen_map import FrozenMap

ORDER = "tenant.ordered"
ADDRESS = {
    "type": "record",
    "name": "Address",
    "doc": "Delivery address.",
    "fields": [
        {"name": "street", "type": "string", "doc": "Street and number."},
        {"name": "floor", "type": ["null", "int"], "default": None, "doc": "Where known."},
    ],
}
LINE = {
    "type": "record",
    "name": "OrderLine",
    "doc": "One line.",
    "fields": [
        {"name": "sku", "type": "string", "doc": "Article."},
        {"name": "price_minor", "type": "long", "unit": "minor", "doc": "Price of one."},
        {"name": "weight", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 3}]}
        | {"default": None, "unit": "kilogram", "doc": "Weight of one piece."},
        {"name": "notes", "type": {"type": "array", "items": ["null", "string"]}, "default": [], "doc": "Remarks."},
    ],
}
STATUS = {
    "type": "enum",
    "name": "OrderStatus",
    "doc": "How far it is.",
    "symbols": ["unknown", "open", "shipped"],
    "default": "unknown",
}
FIELDS: list[dict[str, Any]] = [
    {"name": "status", "type": STATUS},
    {"name": "currency", "type": "string"},
    {"name": "lines", "type": {"type": "array", "items": LINE}},
    {"name": "ship_to", "type": ADDRESS},
    {"name": "bill_to", "type": ["null", "Address"], "default": None},
    {"name": "stops", "type": {"type": "map", "values": {"type": "array", "items": "Address"}}},
    {"name": "digest", "type": {"type": "fixed", "name": "Sha1", "size": 4}},
    {"name": "count", "type": "int"},
    {"name": "ratio", "type": "float"},
    {"name": "distance", "type": "double"},
    {"name": "due_date", "type": {"type": "int", "logicalType": "date"}},
    {"name": "opens_at", "type": {"type": "int", "logicalType": "time-millis"}},
    {"name": "closes_at", "type": {"type": "long", "logicalType": "time-micros"}},
    {"name": "tax_rate", "type": {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}},
    {"name": "picked_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "packed_at", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": None},
    {"name": "related", "type": {"type": "array", "items": {"type": "string", "logicalType": "uuid"}}},
]


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def add_type(folder: SchemaFolder, event_type: str, fields: list[dict[str, Any]], version: int = 1) -> None:
    """Writes a version of an event type of users; fields get a doc where they have none."""
    name = "".join(word.capitalize() for word in event_type.replace(".", "_").split("_"))
    tenant = {"name": "tenant_id", "type": {"type": "string", "logicalType": "uuid"}}
    definition = {
        "type": "record",
        "namespace": "waypost.users",
        "name": name,
        "doc": "A fact of a test.",
        "topic": "users.tenant",
        "event_type": event_type,
        "fields": [{"doc": "A value.", **field} for field in (tenant, *fields)],
    }
    path = folder.root / "avro" / event_type / f"{version}.avsc"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(definition))


def publish(folder: SchemaFolder, event_type: str, fields: list[dict[str, Any]], version: int = 1) -> None:
    """Adds the version and takes it through the commands."""
    add_type(folder, event_type, fields, version)
    for command in ("lock", "generate", "check"):
        assert folder.run(command) == 0, command


def ordered(kind: Any, **different: Any) -> Event:
    """An event of the type above; classes of nested types come from the annotations of its
    class.
    """
    hints = {name: field.type for name, field in kind.__dataclass_fields__.items()}
    line, address = hints["lines"].__args__[0], hints["ship_to"]
    values = {
        "tenant_id": uuid4(),
        "status": hints["status"].OPEN,
        "currency": "EUR",
        "lines": (
            line(sku="a", price_minor=100, weight=Decimal("1.250"), notes=("fragile", None)),
            line(sku="b", price_minor=-1),
        ),
        "ship_to": address(street="Hill 1", floor=3),
        "bill_to": address(street="Hill 2"),
        "stops": FrozenMap({"north": (address(street="Dale 7"),), "south": ()}),
        "digest": b"\x00\x01\xfe\xff",
        "count": -(2**31),
        "ratio": 0.5,
        "distance": 0.1,
        "due_date": date(2026, 2, 28),
        "opens_at": time(8, 30, 0, 5000),
        "closes_at": time(23, 59, 59, 999999),
        "tax_rate": Decimal("-19.00"),
        "picked_at": datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
        "packed_at": None,
        "related": (UUID(int=1), UUID(int=2)),
    }
    made: Event = kind(**{**values, **different})
    return made
