"""A new version leaves old events readable, and as they were."""

import pytest

from tests.unit.schemas.folder import Change, SchemaFolder, adds, changes, removes
from tests.unit.schemas.rich import decimal

Capture = pytest.CaptureFixture[str]


def enum(*symbols: str) -> dict[str, object]:
    return {"type": "enum", "name": "Kind", "doc": "A kind.", "symbols": list(symbols), "default": symbols[0]}


def record(*fields: dict[str, object]) -> dict[str, object]:
    return {
        "type": "record",
        "name": "Part",
        "doc": "A part.",
        "fields": [{"doc": "A value.", **each} for each in fields],
    }


def test_an_added_field_with_a_default_may_be_published(folder: SchemaFolder) -> None:
    folder.publish("user.created", 3, adds("timezone", "string", default="UTC"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (adds("timezone", "string"), "version 3 cannot read version 2"),
        (removes("locale"), "version 2 cannot read version 3"),
        (changes("role", type="long"), "cannot read version"),
        (changes("user_id", type="string"), "the logical type is None, in version 1 it is uuid"),
        (
            changes("created_at", type={"type": "long", "logicalType": "timestamp-millis"}),
            "the logical type is timestamp-millis",
        ),
    ],
)
def test_a_breaking_version_is_refused(folder: SchemaFolder, capsys: Capture, change: Change, complaint: str) -> None:
    folder.draft("user.created", 3, change)
    assert folder.run("check") == 1
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (
            adds("plan", "string", default="a"),
            changes("plan", default="b"),
            "user.created/4.avsc, field plan: the default is 'b', in version 3 it is 'a'",
        ),
        (
            adds("flag", "boolean", default=False),
            changes("flag", default=True),
            "the default is True, in version 3 it is False",
        ),
        (
            adds("card", "string", default=""),
            changes("email", pii=False),
            'field email: the field has no "pii": true, which it has in version 1',
        ),
        (
            adds("kind", enum("UNKNOWN", "A", "B"), default="A"),
            changes("kind", type=enum("UNKNOWN", "A")),
            "field kind: the symbol B of version 3 is missing",
        ),
        (
            adds("kind", enum("UNKNOWN", "A", "B"), default="A"),
            changes("kind", type={**enum("UNKNOWN", "A", "B"), "default": "A"}),
            "field kind: the default symbol is A, in version 3 it is UNKNOWN",
        ),
        (
            adds("kind", enum("UNKNOWN", "A"), default="A"),
            changes("kind", type="string"),
            "version 4 cannot read version 3",
        ),
        (
            adds("ratio", decimal(5, 2), default="\u0000"),
            changes("ratio", type=decimal(6, 2)),
            "the precision is 6, in version 3 it is 5",
        ),
        (
            adds("parts", {"type": "array", "items": decimal(5, 2)}, default=[]),
            changes("parts", type={"type": "array", "items": decimal(5, 1)}),
            "field parts[]: the scale is 1, in version 3 it is 2",
        ),
        (
            adds("part", record({"name": "a", "type": "int", "default": 1}), default={}),
            changes("part", type=record({"name": "a", "type": "int", "default": 2})),
            "field part.a: the default is 2, in version 3 it is 1",
        ),
        (
            adds("part", record({"name": "a", "type": "int"}), default={"a": 1}),
            changes("part", type=record({"name": "a", "type": "int"}, {"name": "b", "type": "int"}), default={"a": 1}),
            "version 4 cannot read version 3",
        ),
        (
            adds("text", "string", default=""),
            changes("text", type="bytes"),
            "field text: the type is bytes, in version 3 it is string",
        ),
        (adds("size", "int", default=0), changes("size", type="long"), "version 3 cannot read version 4"),
    ],
)
def test_a_version_that_would_change_old_events_is_refused(
    folder: SchemaFolder, capsys: Capture, before: Change, after: Change, complaint: str
) -> None:
    folder.publish("user.created", 3, before)
    folder.draft("user.created", 4, after)
    lock = (folder.root / "registry.lock.json").read_bytes()
    for command in ("check", "lock"):
        assert folder.run(command) == 1
        assert complaint in capsys.readouterr().err
    assert (folder.root / "registry.lock.json").read_bytes() == lock


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            adds("kind", enum("UNKNOWN", "A"), default="A"),
            changes("kind", type=enum("UNKNOWN", "B", "A")),
        ),
        (
            adds("part", record({"name": "a", "type": "int"}), default={"a": 1}),
            changes("part", type=record({"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 2})),
        ),
        (adds("card", "string", pii=False, default=""), removes("card")),
    ],
    ids=["a symbol more", "a field more in a record", "a field with a default less"],
)
def test_a_version_that_leaves_old_events_as_they_are_may_be_published(
    folder: SchemaFolder, before: Change, after: Change
) -> None:
    folder.publish("user.created", 3, before)
    folder.publish("user.created", 4, after)


def test_a_version_is_held_against_every_earlier_one(folder: SchemaFolder, capsys: Capture) -> None:
    folder.publish("user.created", 3, adds("timezone", "string", default="UTC"))
    folder.publish("user.created", 4, removes("timezone"))
    folder.draft("user.created", 5, adds("timezone", "long", default=0))
    assert folder.run("check") == 1
    complaints = capsys.readouterr().err
    assert "cannot read version 3" in complaints
    assert "cannot read version 4" not in complaints


def test_units_scale_and_precision_never_change(folder: SchemaFolder, capsys: Capture) -> None:
    folder.draft("invoice.paid", 2, changes("amount_minor", unit="major"))
    assert folder.run("check") == 1
    assert "the unit is major, in version 1 it is minor" in capsys.readouterr().err


def test_what_a_removed_field_meant_is_remembered(folder: SchemaFolder, capsys: Capture) -> None:
    folder.publish("user.created", 3, adds("wait", "long", default=0, unit="seconds"))
    folder.publish("user.created", 4, removes("wait"))
    folder.draft("user.created", 5, adds("wait", "long", default=0, unit="milliseconds"))
    assert folder.run("check") == 1
    assert "the unit is milliseconds, in version 3 it is seconds" in capsys.readouterr().err
