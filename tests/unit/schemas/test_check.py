"""`waypost schemas check` guards the contract: each guard is broken here once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.schemas.folder import Change, SchemaFolder, adds, changes, field, removes
from tests.unit.schemas.rich import add_type, decimal

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


def test_the_committed_schemas_are_valid(folder: SchemaFolder, capsys: Capture) -> None:
    assert folder.run("check") == 0
    assert "schemas are valid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda definition: definition["fields"].reverse(), "the first field is not tenant_id"),
        (lambda definition: definition.pop("doc"), "no doc on the record itself"),
        (lambda definition: field(definition, "number").pop("doc"), "no doc on number"),
        (
            lambda definition: definition.update(name="InvoiceSettled"),
            "the name of the record is waypost.billing.InvoiceSettled",
        ),
        (lambda definition: definition.update(topic="invoices"), "'invoices' is not a valid topic"),
        (
            lambda definition: definition.update(topic="billing.refund"),
            "the topic billing.refund is not declared",
        ),
        (
            lambda definition: definition.update(topic="users.user"),
            "the topic users.user belongs to the service users, the record to billing",
        ),
        (
            adds("state", {"type": "enum", "name": "State", "doc": "A state.", "symbols": ["A"]}),
            "the enum has no default symbol",
        ),
        (adds("state", enum("A", "a")), "two symbols differ only by case"),
        (adds("state", {**enum("A"), "name": "UUID"}), "the type name UUID is not a valid class name"),
        (adds("state", {**enum("A"), "name": "InvoiceVoided"}), "has the name of the event invoice.voided"),
        (adds("state", {**enum("A"), "namespace": "other"}), "is not in the namespace of its event"),
        (adds("state", {**enum("A"), "doc": ""}), "no doc on Kind (type of state)"),
        (adds("part", record()), "the record has no fields"),
        (
            adds("part", record({"name": "a", "type": "string", "pii": True})),
            "the field is personal data inside a record",
        ),
        (adds("part", record({"name": "Big", "type": "string"})), "field part.Big: the name is not in snake case"),
        (
            adds("part", record({"name": "a", "type": ["null", "int"]})),
            "field part.a: the field may be null but its default is not",
        ),
        (adds("part", record({"name": "a", "type": ["null", "Part"], "default": None})), "record Part inside itself"),
        (adds("class", "string"), "the name is a keyword of Python"),
        (adds("date", "string"), "the name is reserved"),
        (adds("personal", "string"), "the name is reserved"),
        (adds("either", ["string", "long"]), "the type union other than null and one type is not supported"),
        (adds("either", ["string", "null"]), "the type union other than null and one type is not supported"),
        (
            adds("at", {"type": "long", "logicalType": "local-timestamp-micros"}),
            "the type local-timestamp-micros on long",
        ),
        (adds("owner", {"type": "bytes", "logicalType": "uuid"}), "the type uuid on bytes is not supported"),
        (adds("width", decimal(2000, 3)), "precision 2000 and scale 3 are not valid for a decimal"),
        (adds("width", decimal(2, 3)), "decimal scale must be less than or equal"),
        (lambda definition: definition.update(event_type="invoice.settled"), "is not the folder's name"),
        (changes("amount_minor", type="double"), "amount_minor is not valid money"),
        (removes("currency"), "the record has amounts but no currency"),
        (adds("Colour", "string"), "the name is not in snake case"),
        (adds("payer_age", "long", pii=True), "the field is personal data but not a plain string"),
        (
            adds("payer", ["null", "string"], pii=True, default=None),
            "the field is personal data but not a plain string",
        ),
        (adds("note", ["null", "string"]), "the field may be null but its default is not null"),
        (adds("personal_ciphertext", "string", default=""), "the field is not bytes with an empty default"),
        (adds("personal_ciphertext", "bytes"), "the field is not bytes with an empty default"),
        (adds("personal_ciphertext", "bytes", default=""), "the event has no personal data"),
    ],
)
def test_the_lint_names_what_is_wrong(folder: SchemaFolder, capsys: Capture, change: Change, complaint: str) -> None:
    folder.edit("invoice.payment_failed", change)
    assert folder.run("check") == 1
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        changes("number", name="serial"),
        changes("number", type={"type": "long", "logicalType": "timestamp-micros"}),
        changes("amount_minor", default=0),
    ],
)
def test_a_published_version_never_changes(folder: SchemaFolder, capsys: Capture, change: Change) -> None:
    folder.edit("invoice.payment_failed", change)
    assert folder.run("check") == 1
    complaints = capsys.readouterr().err
    assert "avro/invoice.payment_failed/1.avsc: a published version was changed" in complaints
    assert complaints.count("  why: ") == 1, "one cause, one finding"


def test_docs_of_a_published_version_may_be_bettered(folder: SchemaFolder) -> None:
    folder.edit("invoice.payment_failed", changes("number", doc="Better said."))
    assert folder.run("generate") == 0
    assert folder.run("check") == 0


def test_a_published_version_never_goes(folder: SchemaFolder, capsys: Capture) -> None:
    (folder.root / "avro/invoice.payment_failed/1.avsc").unlink()
    assert folder.run("check") == 1
    complaints = capsys.readouterr().err
    assert "the locked file is missing" in complaints
    assert complaints.count("  why: ") == 1, "one cause, one finding"


def test_an_unlocked_version_is_named(folder: SchemaFolder, capsys: Capture) -> None:
    folder.draft("invoice.payment_failed", 2, adds("note", "string", default=""))
    assert folder.run("check") == 1
    assert "avro/invoice.payment_failed/2.avsc: the version has no schema id" in capsys.readouterr().err


def test_versions_have_no_gaps(folder: SchemaFolder, capsys: Capture) -> None:
    folder.draft("invoice.payment_failed", 2, adds("note", "string", default=""))
    (folder.root / "avro/invoice.payment_failed/2.avsc").rename(folder.root / "avro/invoice.payment_failed/3.avsc")
    assert folder.run("check") == 1
    assert "the versions are [1, 3]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"name": "InvoicePaymentFailed"}',
        '{"namespace": "a", "name": "B", "topic": "c.d", "type": "record", "fields": [1]}',
    ],
)
def test_a_file_that_is_not_a_schema_is_named(folder: SchemaFolder, capsys: Capture, text: str) -> None:
    (folder.root / "avro/invoice.payment_failed/1.avsc").write_text(text)
    assert folder.run("check") == 1
    assert "avro/invoice.payment_failed/1.avsc" in capsys.readouterr().err


def test_a_stale_module_is_named(folder: SchemaFolder, capsys: Capture) -> None:
    module = folder.root / "billing.py"
    module.write_text(module.read_text().replace("invoice.payment_failed", "invoice.settled"))
    assert folder.run("check") == 1
    assert "billing.py: the module differs from the sources" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spoil", [lambda sample: sample.unlink(), lambda sample: sample.write_bytes(sample.read_bytes()[:-1])]
)
def test_a_sample_that_cannot_be_read_is_named(
    folder: SchemaFolder, capsys: Capture, spoil: Callable[[Path], object]
) -> None:
    spoil(folder.root / "samples/invoice.payment_failed/1.bin")
    assert folder.run("check") == 1
    assert "samples/invoice.payment_failed/1.bin" in capsys.readouterr().err


def test_a_sample_that_reads_otherwise_is_named(folder: SchemaFolder, capsys: Capture) -> None:
    told = folder.root / "samples/invoice.payment_failed/1.json"
    told.write_text(told.read_text().replace("EUR", "USD"))
    assert folder.run("check") == 1
    assert "it decodes to other values of currency" in capsys.readouterr().err


def test_the_lock_takes_no_broken_version(folder: SchemaFolder) -> None:
    before = (folder.root / "registry.lock.json").read_text()
    folder.draft("invoice.payment_failed", 2, removes("number"))
    assert folder.run("lock") == 1
    assert (folder.root / "registry.lock.json").read_text() == before


def test_the_lock_appends_and_leaves_old_lines_alone(folder: SchemaFolder) -> None:
    before = (folder.root / "registry.lock.json").read_text().splitlines()
    folder.publish("customer.erased", 2, adds("note", "string", default=""))
    after = (folder.root / "registry.lock.json").read_text().splitlines()
    assert [line.rstrip(",") for line in after[: len(before) - 2]] == [line.rstrip(",") for line in before[:-2]]
    assert len(after) == len(before) + 1


@pytest.mark.parametrize("topic", ["billing.refund", "users.user"])
def test_a_topic_that_the_service_does_not_own_gets_no_id(folder: SchemaFolder, capsys: Capture, topic: str) -> None:
    before = (folder.root / "registry.lock.json").read_text()
    folder.draft("invoice.payment_failed", 2, lambda definition: definition.update(topic=topic))
    assert folder.run("lock") == 1
    assert "topics.yaml" in capsys.readouterr().err
    assert (folder.root / "registry.lock.json").read_text() == before


def test_a_type_of_two_events_has_one_definition(folder: SchemaFolder, capsys: Capture) -> None:
    def part(kind: str) -> list[dict[str, object]]:
        return [{"name": "part", "type": record({"name": "a", "type": kind})}]

    add_type(folder, "tenant.merged", part("int"))
    add_type(folder, "tenant.split", part("int"))
    assert folder.run("lock") == 0
    add_type(folder, "tenant.moved", part("long"))
    assert folder.run("lock") == 1
    complaints = capsys.readouterr().err
    assert "the type Part differs from Part in avro/tenant.merged/1.avsc" in complaints


def test_problems_may_be_read_by_a_script(folder: SchemaFolder, capsys: Capture) -> None:
    folder.edit("invoice.payment_failed", changes("number", name="Serial"))
    assert folder.run("check", "--json") == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {"where", "what", "why", "remedy"} == set(problems[0])
    assert any(each["what"] == "the name is not in snake case" for each in problems)
