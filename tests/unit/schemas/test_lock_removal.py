"""A lock entry can be taken back until it is committed, newest first; afterwards others may rely on
its id.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.schemas.folder import SchemaFolder, adds
from waypost.schemas.lock import read_lock

Capture = pytest.CaptureFixture[str]


AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org")
UNREPAIRED = "git does not report whether it is committed"


def git(folder: SchemaFolder, *command: str) -> None:
    subprocess.run(["git", "-C", str(folder.root), *AUTHOR, *command], check=True)


def commit(folder: SchemaFolder) -> None:
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Lock")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def files(folder: SchemaFolder) -> dict[str, bytes]:
    return {
        path.relative_to(folder.root).as_posix(): path.read_bytes()
        for path in folder.root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def lock(folder: SchemaFolder, version: int, note: str) -> Path:
    folder.draft("invoice.payment_failed", version, adds(note, "string", default=""))
    assert folder.run("lock") == 0
    return folder.root / f"samples/invoice.payment_failed/{version}.bin"


def next_id(folder: SchemaFolder) -> int:
    return len(read_lock(folder.root)) + 1


def test_an_entry_that_was_not_committed_goes_with_its_sample(folder: SchemaFolder, capsys: Capture) -> None:
    commit(folder)
    before, expected_id = files(folder), next_id(folder)
    lock(folder, 2, "nota")
    assert folder.run("unlock", "invoice.payment_failed", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["id"] == expected_id
    source = folder.root / "avro/invoice.payment_failed/2.avsc"
    assert source.exists(), "the source stays, to be corrected"
    source.unlink()
    assert files(folder) == before


def test_a_corrected_version_takes_the_id_that_was_given_back(folder: SchemaFolder, capsys: Capture) -> None:
    expected_id = next_id(folder)
    lock(folder, 2, "nota")
    assert folder.run("unlock", "invoice.payment_failed", "2") == 0
    capsys.readouterr()
    lock(folder, 2, "note")
    assert capsys.readouterr().out.startswith(
        f"{expected_id}  billing.invoice-waypost.billing.InvoicePaymentFailed  version 2"
    )
    assert folder.run("generate") == 0
    assert folder.run("check") == 0


def test_a_committed_entry_stays(folder: SchemaFolder, capsys: Capture) -> None:
    expected_id = next_id(folder)
    lock(folder, 2, "note")
    commit(folder)
    before = files(folder)
    assert folder.run("unlock", "invoice.payment_failed", "2") == 1
    assert f"its lock entry (id {expected_id}) is committed" in capsys.readouterr().err
    assert files(folder) == before


def test_ids_stay_dense_so_the_newest_goes_first(folder: SchemaFolder, capsys: Capture) -> None:
    commit(folder)
    first = lock(folder, 2, "note")
    lock(folder, 3, "remark")
    assert folder.run("unlock", "invoice.payment_failed", "2") == 1
    assert "unlock the newest first: `waypost schemas unlock invoice.payment_failed 3`" in capsys.readouterr().err
    assert first.exists()
    assert folder.run("unlock", "invoice.payment_failed", "3") == 0
    assert folder.run("unlock", "invoice.payment_failed", "2") == 0
    assert not first.exists()


def test_an_unknown_entry_is_named(folder: SchemaFolder, capsys: Capture) -> None:
    assert folder.run("unlock", "invoice.payment_failed", "9") == 1
    assert "invoice.payment_failed version 9: it is not locked" in capsys.readouterr().err


def test_a_repository_without_a_commit_has_committed_nothing(folder: SchemaFolder) -> None:
    subprocess.run(["git", "-C", str(folder.root), "init", "--quiet"], check=True)
    lock(folder, 2, "note")
    assert folder.run("unlock", "invoice.payment_failed", "2") == 0


def test_without_git_nothing_is_taken_back(
    folder: SchemaFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = lock(folder, 2, "note")
    monkeypatch.setenv("PATH", str(folder.root))
    assert folder.run("unlock", "invoice.payment_failed", "2") == 1
    assert "git cannot be run" in capsys.readouterr().err
    assert sample.exists()


@pytest.mark.parametrize(
    ("damage", "reported"),
    [
        (lambda repository: (repository / "config").write_text("[core\n"), "bad config"),
        (lambda repository: (repository / "refs/heads/main").write_text("damaged\n"), "appears to be broken"),
        (lambda repository: shutil.rmtree(repository / "objects"), "not a git repository"),
        (lambda repository: (repository / "HEAD").unlink(), "not a git repository"),
        (
            lambda repository: [file.unlink() for file in (repository / "objects").rglob("*") if file.is_file()],
            "bad object",
        ),
    ],
)
def test_a_repository_that_git_cannot_read_keeps_its_entries(
    folder: SchemaFolder, capsys: Capture, damage: Callable[[Path], object], reported: str
) -> None:
    lock(folder, 2, "note")
    commit(folder)
    damage(folder.root / ".git")
    before = files(folder)
    assert folder.run("unlock", "invoice.payment_failed", "2") == 1
    complaint = capsys.readouterr().err
    assert UNREPAIRED in complaint
    assert reported in complaint
    assert files(folder) == before


def test_a_repository_of_another_user_keeps_its_entries(
    folder: SchemaFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(folder, 2, "note")
    commit(folder)
    before = files(folder)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert folder.run("unlock", "invoice.payment_failed", "2") == 1
    complaint = capsys.readouterr().err
    assert UNREPAIRED in complaint
    assert "safe.directory" in complaint
    assert files(folder) == before


def test_a_git_that_fails_after_it_found_the_commit_keeps_the_entry(
    folder: SchemaFolder, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock(folder, 2, "note")
    commit(folder)
    before = files(folder)
    real, programs = shutil.which("git"), tmp_path / "programs"
    programs.mkdir()
    for refused in ("rev-parse", "ls-tree", "show"):
        refusing = f'case " $* " in *" {refused} "*) echo "fatal: out of memory" >&2; exit 128;; esac'
        write(programs / "git", f'#!/bin/sh\n{refusing}\nexec {real} "$@"\n')
        monkeypatch.setenv("PATH", str(programs))
        assert folder.run("unlock", "invoice.payment_failed", "2") == 1, refused
        assert "fatal: out of memory" in capsys.readouterr().err, refused
    assert files(folder) == before


def test_git_answers_in_english(folder: SchemaFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock(folder, 2, "note")
    programs = tmp_path / "programs"
    programs.mkdir()
    english, german = "fatal: not a git repository", "Schwerwiegend: kein Git-Repository"
    write(
        programs / "git",
        f'#!/bin/sh\n[ "$LC_ALL" = C ] && echo "{english}" >&2 || echo "{german}" >&2\nexit 128\n',
    )
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert folder.run("unlock", "invoice.payment_failed", "2") == 0


def test_an_entry_that_a_merge_in_progress_brings_is_committed(folder: SchemaFolder, capsys: Capture) -> None:
    commit(folder)
    git(folder, "checkout", "--quiet", "-b", "other")
    lock(folder, 2, "note")
    commit(folder)
    git(folder, "checkout", "--quiet", "main")
    commit(folder)
    git(folder, "merge", "--quiet", "--no-commit", "other")
    before = files(folder)
    assert folder.run("unlock", "invoice.payment_failed", "2") == 1
    assert "is committed" in capsys.readouterr().err
    assert files(folder) == before


def test_a_merge_in_progress_leaves_other_entries_removable(folder: SchemaFolder) -> None:
    commit(folder)
    git(folder, "checkout", "--quiet", "-b", "other")
    commit(folder)
    git(folder, "checkout", "--quiet", "main")
    commit(folder)
    git(folder, "merge", "--quiet", "--no-commit", "--no-ff", "other")
    lock(folder, 2, "note")
    assert folder.run("unlock", "invoice.payment_failed", "2") == 0
