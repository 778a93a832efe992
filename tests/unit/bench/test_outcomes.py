"""A failed row neither ends the others nor leaves a result."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import Outcome, outcome_of
from bench.frame import results
from bench.frame.row import OURS, Arm, Sample
from tests.unit.bench.samples import both, row_of


@pytest.fixture
def latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "latest.json"
    write = results.write
    monkeypatch.setattr(results, "write", lambda entries: write(entries, file))
    return file


def test_the_error_of_a_row_is_printed_and_stores_nothing(latest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken() -> Sample:
        raise ValueError("the queue is missing")

    assert outcome_of(row_of(Arm(name=OURS, run=broken))) is Outcome.FAILED
    assert "the queue is missing" in capsys.readouterr().out
    assert not latest.exists()


def test_a_measured_row_is_stored(latest: Path) -> None:
    assert outcome_of(replace(row_of(*both([])), rounds=2)) is Outcome.MEASURED
    assert list(results.read(latest)) == ["B0"]
