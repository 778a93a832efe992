"""Every command and the codec refuse a lock that is damaged, such as after a merge of two branches
that locked the same id.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.schemas.folder import SchemaFolder, adds
from waypost.kernel.errors import Misconfigured
from waypost.schemas.codec import AvroCodec
from waypost.schemas.lock import read_lock

Capture = pytest.CaptureFixture[str]
Entries = list[dict[str, Any]]
COMMANDS: Sequence[Sequence[str]] = (
    ["generate"],
    ["lock"],
    ["unlock", "invoice.payment_failed", "1"],
    ["check"],
    ["push", "http://localhost:1"],
)


def edits(change: Callable[[Entries], object]) -> Callable[[str], str]:
    def edited(text: str) -> str:
        document = json.loads(text)
        change(document["schemas"])
        return json.dumps(document)

    return edited


def conflict(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:-3], "<<<<<<< HEAD\n", lines[-3], "=======\n", lines[-3], ">>>>>>> other\n", *lines[-2:]])


def same_id(entries: Entries) -> None:
    entries.append({**entries[-1], "type": "invoice.settled"})


@pytest.mark.parametrize(
    ("damaged", "complaint"),
    [
        (conflict, "the file has the conflict markers of a merge"),
        (lambda text: "", "the file is not a lock"),
        (lambda text: text[:-3], "the file is not a lock"),
        (lambda text: text.replace("invoice", "\udcff"), "the file is not a lock"),
        (lambda text: "[]", "the file is not a lock"),
        (lambda text: "{}", "the file is not a lock"),
        (lambda text: '{"schemas": 3}', "the file is not a lock"),
        (edits(lambda entries: entries.insert(0, {"id": 1})), "the file is not a lock"),
        (edits(lambda entries: entries[0].update(more=1)), "the file is not a lock"),
        (
            edits(lambda entries: entries[0].update(version="1")),
            "the file is not a lock: version is not int in entry 1",
        ),
        (edits(lambda entries: entries[0].update(id=True)), "the file is not a lock: id is not int in entry 1"),
        (edits(same_id), "two entries have the id"),
        (edits(lambda entries: entries[2].update(id=300)), "ids are not 1, 2, 3"),
        (edits(lambda entries: entries.pop(0)), "ids are not 1, 2, 3"),
        (edits(lambda entries: entries.reverse()), "ids are not 1, 2, 3"),
        (
            edits(lambda entries: entries.append({**entries[0], "id": len(entries) + 1})),
            "two entries are for",
        ),
    ],
)
def test_a_damaged_lock_is_refused(
    folder: SchemaFolder, capsys: Capture, damaged: Callable[[str], str], complaint: str
) -> None:
    file, events = folder.root / "registry.lock.json", folder.events()
    file.write_text(damaged(file.read_text()), errors="surrogateescape")
    before = contents(folder)
    for command in COMMANDS:
        assert folder.run(*command) == 1, command
        assert f"registry.lock.json: {complaint}" in capsys.readouterr().err, command
    with pytest.raises(Misconfigured, match=complaint):
        AvroCodec(root=folder.root, events=events, upcasters={})
    assert contents(folder) == before


def test_the_remedy_for_an_id_of_two_branches_repairs_the_folder(folder: SchemaFolder, capsys: Capture) -> None:
    file = folder.root / "registry.lock.json"
    base, published = file.read_text(), len(read_lock(folder.root)) + 1
    folder.draft("invoice.payment_failed", 2, adds("note", "string", default=""))
    assert folder.run("lock") == 0
    theirs = json.loads(file.read_text())["schemas"][-1]
    file.write_text(base)
    folder.draft("customer.erased", 2, adds("note", "string", default=""))
    (folder.root / "avro/invoice.payment_failed/2.avsc").rename(folder.root / "2.avsc")
    assert folder.run("lock") == 0
    ours = file.read_text()
    (folder.root / "2.avsc").rename(folder.root / "avro/invoice.payment_failed/2.avsc")
    file.write_text(edits(lambda entries: entries.append(theirs))(ours))

    assert folder.run("check") == 1
    complaint = capsys.readouterr().err
    assert f"two entries have the id {published}: customer.erased 2, invoice.payment_failed 2" in complaint
    assert "keep the entry that is published" in complaint
    file.write_text(ours)
    for command in ("lock", "generate", "check"):
        assert folder.run(command) == 0, command
    assert [(line.id, line.type) for line in read_lock(folder.root)[-2:]] == [
        (published, "customer.erased"),
        (published + 1, "invoice.payment_failed"),
    ]


def contents(folder: SchemaFolder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}
