"""Events may have fields of every Avro type. Values are exact and immutable; a value that does not
fit is refused.
"""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, asdict
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from fastavro import parse_schema, schemaless_reader

from tests.unit.schemas.folder import SchemaFolder, copied
from tests.unit.schemas.rich import FIELDS, ORDER, decimal, ordered, publish
from waypost.kernel.errors import Permanent, UndecodableRecord
from waypost.kernel.event import Event
from waypost.kernel.frozen_map import FrozenMap
from waypost.schemas.codec import AvroCodec


class Rich:
    """A release with one event of every type."""

    def __init__(self, folder: SchemaFolder) -> None:
        publish(folder, ORDER, FIELDS)
        events = folder.events()
        self.kind: Any = events[ORDER]
        self.codec = AvroCodec(root=folder.root, events=events, upcasters={})

    def event(self, **different: Any) -> Any:
        return ordered(self.kind, **different)

    def again(self, event: Event) -> Any:
        return self.codec.decode(ORDER, self.codec.encode(event).payload)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Rich:
    """Built once: its codec reads the folder only then."""
    with pytest.MonkeyPatch.context() as patch, copied(tmp_path_factory.mktemp("rich"), patch) as folder:
        return Rich(folder)


def test_an_event_of_every_type_comes_back_as_it_was(rich: Rich) -> None:
    event = rich.event()
    decoded = rich.again(event)
    assert decoded == event
    assert repr(decoded) == repr(event), "equal values of other types would print otherwise"


def test_another_reader_of_avro_reads_the_same_milliseconds(rich: Rich) -> None:
    """The schemas that `test_logical_types` compares have no `timestamp-millis`."""
    event = rich.event()
    schema = parse_schema(dict(rich.codec.schema_of(rich.kind).definition))
    values: Any = schemaless_reader(BytesIO(rich.codec.encode(event).payload[5:]), schema, None)
    assert values["picked_at"] == event.picked_at


def test_a_decoded_event_cannot_be_changed(rich: Rich) -> None:
    decoded = rich.again(rich.event())
    with pytest.raises(FrozenInstanceError):
        decoded.ship_to.street = "other"
    with pytest.raises(TypeError, match="cannot be changed"):
        decoded.stops["west"] = ()
    with pytest.raises(TypeError, match="cannot be changed"):
        decoded.stops.update(west=())
    assert isinstance(decoded.lines, tuple) and isinstance(decoded.lines[0].notes, tuple)
    assert hash(decoded) == hash(rich.again(rich.event(tenant_id=decoded.tenant_id)))


def test_an_immutable_map_is_copied_pickled_and_written_like_a_dict(rich: Rich) -> None:
    stops = FrozenMap({"a": 1})
    assert copy.deepcopy(stops) == pickle.loads(pickle.dumps(stops)) == {"a": 1}  # noqa: S301 - bytes of this test
    assert json.dumps(stops) == '{"a": 1}'
    assert asdict(rich.event())["stops"]["north"][0] == {"street": "Dale 7", "floor": None}


def test_enums_and_records_are_classes_of_the_module(rich: Rich) -> None:
    decoded = rich.again(rich.event())
    assert isinstance(decoded.status, StrEnum) and decoded.status == "open"
    assert not hasattr(decoded.ship_to, "__dict__")
    assert type(decoded.bill_to) is type(decoded.ship_to)
    printed = [repr(decoded.digest), decoded.digest.hex(), "digest"]
    assert not any(text in repr(decoded) for text in printed), "bytes are not printed by accident"


AN_HOUR_EAST = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("name", "value", "path", "reason"),
    [
        ("count", 1.5, "count", "is a float, not a int"),
        ("count", True, "count", "is a bool, not a int"),
        ("count", 2**31, "count", "does not fit 32 bits"),
        ("ratio", 1, "ratio", "is a int, not a float"),
        ("ratio", 0.1, "ratio", "does not fit 32 bits exactly"),
        ("ratio", 1e300, "ratio", "does not fit 32 bits exactly"),
        ("distance", 1, "distance", "is a int, not a float"),
        ("status", "open", "status", "is a str, not a OrderStatus"),
        ("digest", b"123", "digest", "has 3 bytes, not 4"),
        ("due_date", datetime(2026, 1, 1, tzinfo=UTC), "due_date", "is a datetime, not a date"),
        ("opens_at", time(8, 0, 0, 1), "opens_at", "has microseconds"),
        ("closes_at", time(8, tzinfo=UTC), "closes_at", "is a time with a time zone"),
        ("picked_at", datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), "picked_at", "has microseconds"),
        ("picked_at", datetime(2026, 1, 1), "picked_at", "without a time zone"),  # noqa: DTZ001 - the point of the case
        ("packed_at", datetime(2026, 1, 1), "packed_at", "without a time zone"),  # noqa: DTZ001 - the point of the case
        ("tax_rate", 19.0, "tax_rate", "is a float, not a Decimal"),
        ("tax_rate", Decimal("0.001"), "tax_rate", "more than 2 digits after the point"),
        ("tax_rate", Decimal(1000), "tax_rate", "more than 3 digits before the point"),
        ("tax_rate", Decimal("1E+3"), "tax_rate", "more than 3 digits before the point"),
        ("tax_rate", Decimal("1E-99999999"), "tax_rate", "more than 2 digits after the point"),
        ("tax_rate", Decimal("NaN"), "tax_rate", "is not a finite number"),
        ("tax_rate", Decimal("-Infinity"), "tax_rate", "is not a finite number"),
        ("related", ["x"], "related", "is a list, not a tuple"),
        ("related", ("x",), "related[0]", "is a str, not a UUID"),
        ("ship_to", {"street": "x"}, "ship_to", "is a dict, not a Address"),
        ("ship_to", None, "ship_to", "is a NoneType, not a Address"),
        ("stops", [], "stops", "is a list, not a Mapping"),
        ("stops", {1: ()}, "stops{}", "is a int, not a str"),
        ("stops", {"a": (None,)}, "stops{}[0]", "is a NoneType, not a Address"),
        ("stops", {"\ud800": ()}, "stops{}", "is not valid Unicode text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_path(
    rich: Rich, name: str, value: object, path: str, reason: str
) -> None:
    with pytest.raises(Permanent, match=reason) as refusal:
        rich.codec.encode(rich.event(**{name: value}))
    assert refusal.value.facts["field"] == path


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"price_minor": 2**63}, "lines[1].price_minor", "does not fit 64 bits"),
        ({"price_minor": 1.0}, "lines[1].price_minor", "is a float"),
        ({"notes": ("ok", 5)}, "lines[1].notes[1]", "is a int, not a str"),
        ({"notes": ("\ud800",)}, "lines[1].notes[0]", "is not valid Unicode text"),
        ({"weight": Decimal("0.0001")}, "lines[1].weight", "more than 3 digits after the point"),
    ],
)
def test_a_misfit_deep_inside_is_named(rich: Rich, changes: dict[str, Any], path: str, reason: str) -> None:
    event = rich.event()
    line = type(event.lines[0])(**{"sku": "c", "price_minor": 1, **changes})
    with pytest.raises(Permanent, match=reason) as refusal:
        rich.codec.encode(rich.event(lines=(event.lines[0], line)))
    assert refusal.value.facts["field"] == path


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Decimal("1.5"), "1.50"),
        (Decimal("1E+2"), "100.00"),
        (Decimal("-0"), "0.00"),
        (Decimal("0E+9"), "0.00"),
        (Decimal("0E-99999999"), "0.00"),
    ],
)
def test_a_decimal_is_read_with_the_scale_of_its_schema(rich: Rich, value: Decimal, read: str) -> None:
    decoded = rich.again(rich.event(tax_rate=value))
    assert decoded.tax_rate == value and str(decoded.tax_rate) == read


def test_a_moment_of_another_zone_is_the_same_moment_in_utc(rich: Rich) -> None:
    decoded = rich.again(rich.event(picked_at=datetime(2026, 1, 1, 12, tzinfo=AN_HOUR_EAST)))
    assert decoded.picked_at.isoformat() == "2026-01-01T11:00:00+00:00"


def test_a_value_of_another_producer_that_no_python_type_holds_is_undecodable(folder: SchemaFolder) -> None:
    """25 o'clock, and a decimal of more digits than its precision: Avro's bytes can say both."""
    publish(folder, "tenant.opened", [{"name": "opens_at", "type": {"type": "long", "logicalType": "time-micros"}}])
    publish(folder, "tenant.rated", [{"name": "rate", "type": decimal(3, 1)}])
    events: Any = folder.events()
    codec = AvroCodec(root=folder.root, events=events, upcasters={})
    for event_type, good, bad in (
        ("tenant.opened", {"opens_at": time(0, 0, 0, 5)}, b"\x09"),
        ("tenant.rated", {"rate": Decimal("99.9")}, b"\x04\x03\xe8"),
    ):
        payload = codec.encode(events[event_type](tenant_id=uuid4(), **good)).payload
        tail = len(payload) - len(bad)
        with pytest.raises(UndecodableRecord, match=event_type):
            codec.decode(event_type, payload[:tail] + bad)
