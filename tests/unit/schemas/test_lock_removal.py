"""A lock entry can be taken back until it is committed, newest first; afterwards others may rely on
its id.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.schemas.folder import SchemaFolder, adds
from waypost.schemas.lock import read_lock

Capture = pytest.CaptureFixture[str]


def commit(folder: SchemaFolder) -> None:
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "Lock"],
    ):
        subprocess.run(["git", "-C", str(folder.root), *command], check=True)


def files(folder: SchemaFolder) -> dict[str, bytes]:
    return {
        path.relative_to(folder.root).as_posix(): path.read_bytes()
        for path in folder.root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def lock(folder: SchemaFolder, version: int, note: str) -> Path:
    folder.draft("invoice.paid", version, adds(note, "string", default=""))
    assert folder.run("lock") == 0
    return folder.root / f"samples/invoice.paid/{version}.bin"


def next_id(folder: SchemaFolder) -> int:
    return len(read_lock(folder.root)) + 1


def test_an_entry_that_was_not_committed_goes_with_its_sample(folder: SchemaFolder, capsys: Capture) -> None:
    commit(folder)
    before, expected_id = files(folder), next_id(folder)
    lock(folder, 2, "nota")
    assert folder.run("unlock", "invoice.paid", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["id"] == expected_id
    source = folder.root / "avro/invoice.paid/2.avsc"
    assert source.exists(), "the source stays, to be corrected"
    source.unlink()
    assert files(folder) == before


def test_a_corrected_version_takes_the_id_that_was_given_back(folder: SchemaFolder, capsys: Capture) -> None:
    expected_id = next_id(folder)
    lock(folder, 2, "nota")
    assert folder.run("unlock", "invoice.paid", "2") == 0
    capsys.readouterr()
    lock(folder, 2, "note")
    assert capsys.readouterr().out.startswith(f"{expected_id}  billing.invoice-waypost.billing.InvoicePaid  version 2")
    assert folder.run("generate") == 0
    assert folder.run("check") == 0


def test_a_committed_entry_stays(folder: SchemaFolder, capsys: Capture) -> None:
    expected_id = next_id(folder)
    lock(folder, 2, "note")
    commit(folder)
    before = files(folder)
    assert folder.run("unlock", "invoice.paid", "2") == 1
    assert f"its lock entry (id {expected_id}) is committed" in capsys.readouterr().err
    assert files(folder) == before


def test_ids_stay_dense_so_the_newest_goes_first(folder: SchemaFolder, capsys: Capture) -> None:
    commit(folder)
    first = lock(folder, 2, "note")
    lock(folder, 3, "remark")
    assert folder.run("unlock", "invoice.paid", "2") == 1
    assert "unlock the newest first: `waypost schemas unlock invoice.paid 3`" in capsys.readouterr().err
    assert first.exists()
    assert folder.run("unlock", "invoice.paid", "3") == 0
    assert folder.run("unlock", "invoice.paid", "2") == 0
    assert not first.exists()


def test_an_unknown_entry_is_named(folder: SchemaFolder, capsys: Capture) -> None:
    assert folder.run("unlock", "invoice.paid", "9") == 1
    assert "invoice.paid version 9: it is not locked" in capsys.readouterr().err


def test_a_repository_without_a_commit_has_committed_nothing(folder: SchemaFolder) -> None:
    subprocess.run(["git", "-C", str(folder.root), "init", "--quiet"], check=True)
    lock(folder, 2, "note")
    assert folder.run("unlock", "invoice.paid", "2") == 0


def test_without_git_nothing_is_taken_back(
    folder: SchemaFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = lock(folder, 2, "note")
    monkeypatch.setenv("PATH", str(folder.root))
    assert folder.run("unlock", "invoice.paid", "2") == 1
    assert "git cannot be run" in capsys.readouterr().err
    assert sample.exists()
