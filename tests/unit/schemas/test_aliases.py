"""Avro aliases would give a field another name, under which the rules for later versions do not
know it.
"""

import pytest

from tests.unit.schemas.folder import Change, SchemaFolder, adds, changes
from tests.unit.schemas.test_check import enum, record

Capture = pytest.CaptureFixture[str]
ALIASED = {**enum("A"), "aliases": ["Sort"]}
FIXED = {"type": "fixed", "name": "Checksum", "size": 4, "aliases": ["Hash"]}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda definition: definition.update(aliases=["InvoiceSettled"]), "2.avsc: the record InvoicePaymentFailed has"),
        (changes("number", name="serial", aliases=["number"]), "field serial: the field has"),
        (adds("note", ["null", "string"], default=None, aliases=["remark"]), "field note: the field has"),
        (adds("state", ALIASED, default="A"), "field state: the enum Kind has"),
        (adds("states", {"type": "array", "items": ALIASED}, default=[]), "field states[]: the enum Kind has"),
        (adds("sums", {"type": "map", "values": FIXED}, default={}), "field sums{}: the fixed Checksum has"),
        (adds("part", ["null", {**record({"name": "a", "type": "int"}), "aliases": ["Piece"]}], default=None),
         "field part: the record Part has"),
        (adds("part", ["null", record({"name": "a", "type": "int", "aliases": ["b"]})], default=None),
         "field part.a: the field has"),
        (adds("part", ["null", record({"name": "a", "type": ALIASED})], default=None),
         "field part.a: the enum Kind has"),
    ],
)  # fmt: skip
def test_a_name_is_not_changed_with_aliases(
    folder: SchemaFolder, capsys: Capture, change: Change, complaint: str
) -> None:
    before = (folder.root / "registry.lock.json").read_text()
    folder.draft("invoice.payment_failed", 2, change)
    assert folder.run("lock") == 1
    assert f"{complaint} aliases" in capsys.readouterr().err
    assert (folder.root / "registry.lock.json").read_text() == before


def test_a_key_of_a_default_may_be_called_aliases(folder: SchemaFolder) -> None:
    labels = adds("labels", {"type": "map", "values": "string"}, default={"aliases": "none"})
    folder.publish("invoice.payment_failed", 2, labels)
