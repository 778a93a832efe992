"""The command that runs the chaos cells of the public harness: its arguments, and its table."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.portable.__main__ import BATCHES, OUTPUT, arguments, run, unusable
from bench.portable.cells import CELLS, Result, result_of, results_table
from bench.portable.settings import settings_from
from bench.portable.systems import Program, programs, registered, revision


@pytest.fixture
def harness(tmp_path: Path) -> Path:
    """A repository with the harness's layout."""
    folder = tmp_path / "harness"
    (folder / "bench_harness").mkdir(parents=True)
    for name in ("orchestrator.py", "pacer.py"):
        (folder / "bench_harness" / name).write_text("")
    (folder / OUTPUT).mkdir()
    (folder / OUTPUT / "summary.json").write_text("{}")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


def test_every_cell_runs_by_default(harness: Path) -> None:
    asked = arguments(
        ["--harness", str(harness), "--commit", revision(harness) or "", "--systems", "waypost,procrastinate"]
    )
    assert (asked.systems, asked.cells, asked.passed) == (["waypost", "procrastinate"], [], [])


def test_words_after_two_dashes_are_those_of_the_harness(harness: Path) -> None:
    commit = revision(harness) or ""
    asked = arguments(["--harness", str(harness), "--commit", commit, "--", "run", "--scenario", "soak"])
    assert asked.passed == ["run", "--scenario", "soak"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--systems", "oban"], "oban does not run without Docker: it needs Elixir"),
        (["--systems", "celery"], "the harness has no adapter of this name"),
        (["chaos_monkey"], "chaos_monkey: not a chaos cell"),
        (["--shorten", "0"], "--shorten takes 1 or more"),
    ],
)
def test_a_wrong_argument_is_explained(
    harness: Path, words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(["--harness", str(harness), "--commit", revision(harness) or "", *words])
    assert named in capsys.readouterr().err


def test_another_commit_of_the_harness_is_refused(harness: Path) -> None:
    problem = unusable(harness, "0" * 40)
    assert problem is not None and "check that commit out" in problem
    assert unusable(harness, revision(harness) or "") is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("bench_harness/orchestrator.py", "changed"),
        ("bench_harness/added.py", ""),
        ("bench_harness/pacer.py", None),
    ],
    ids=["changed", "added", "deleted"],
)
def test_a_harness_that_differs_from_its_commit_is_refused(harness: Path, file: str, content: str | None) -> None:
    commit = revision(harness) or ""
    if content is None:
        (harness / file).unlink()
    else:
        (harness / file).write_text(content)
    problem = unusable(harness, commit)
    assert problem is not None and f"differs from its commit in {file}" in problem


def test_results_of_the_harness_may_be_missing(harness: Path) -> None:
    (harness / OUTPUT / "summary.json").unlink()
    assert unusable(harness, revision(harness) or "") is None


@pytest.mark.parametrize("own", [{}, {"PRODUCER_BATCH_MAX": "1"}], ids=["default", "overridden"])
def test_every_system_has_the_same_batches(
    own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program below stands for the harness: it passes its environment to each adapter."""
    for name in BATCHES:
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    program, seen = tmp_path / "python", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\necho "$PRODUCER_BATCH_MAX $PRODUCER_BATCH_MS" > {seen}\n')
    program.chmod(0o755)
    monkeypatch.setattr("bench.portable.__main__.install_environment", lambda *_: program)
    assert run(tmp_path, tmp_path / "results", ["run"]) == 0
    assert seen.read_text().split() == [own.get("PRODUCER_BATCH_MAX", "128"), "25"]


def test_another_folder_is_refused(tmp_path: Path) -> None:
    problem = unusable(tmp_path, "0" * 40)
    assert problem is not None and "clone the repository" in problem


def test_a_cell_has_the_rate_and_the_replicas_of_the_harness() -> None:
    words = CELLS["chaos_crash_recovery"].arguments("waypost", scenario="chaos_crash_recovery", shorten=1)
    assert words == [
        *("run", "--systems", "waypost", "--scenario", "chaos_crash_recovery"),
        *("--producer-rate", "300", "--replicas", "2"),
    ]


def test_a_shorter_cell_has_the_same_phases() -> None:
    words = CELLS["chaos_repeated_kills"].arguments("waypost", scenario="chaos_repeated_kills", shorten=4)
    phases = [after for word, after in pairwise(words) if word == "--phase"]
    assert phases == [
        *("warmup=warmup:10s", "baseline=clean:15s"),
        *("repeated=repeated-kill(instance=0,period=20s):30s", "recovery=clean:15s"),
    ]


def test_a_program_replaces_the_container_of_an_adapter(tmp_path: Path) -> None:
    adapters = SimpleNamespace(
        ADAPTERS={},
        AdapterEntry=SimpleNamespace,
        LaunchSpec=SimpleNamespace,
        _base_env=lambda _manifest, overrides: {"PRODUCER_RATE": "800", **overrides},
    )
    program = Program(folder=tmp_path, command=("sh", "run"), directory=tmp_path, variables={"PYTHONPATH": "x"})
    registered(adapters, {"waypost": program})
    spec = adapters.ADAPTERS["waypost"].launcher(None, {"PRODUCER_RATE": "300"})
    assert spec.argv == ["sh", "run"]
    assert (spec.env, spec.cwd) == ({"PRODUCER_RATE": "300", "PYTHONPATH": "x"}, str(tmp_path))


def test_the_folder_of_our_program_has_a_manifest(tmp_path: Path) -> None:
    ours = programs(
        tmp_path, state=tmp_path, acknowledged=tmp_path / "ids", own_python="python", harness_python="python"
    )["waypost"]
    assert settings_from({"DATABASE_URL": "any", **ours.variables}).acknowledged_folder == tmp_path / "ids"
    assert json.loads((ours.folder / "adapter.json").read_text())["system"] == "waypost"


def test_the_table_shows_how_the_rate_recovered(tmp_path: Path) -> None:
    phases = {
        "baseline": {"median_throughput_per_s": 600.0, "median_claim_p99_ms": 12.34},
        "recovery": {
            "median_throughput_per_s": 594.0,
            "median_claim_p99_ms": 20.0,
            "chaos_recovery_time_s": 5.0,
            "jobs_enqueued": 54_000.0,
            "jobs_completed": 54_100.0,
        },
    }
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-1" / "summary.json").write_text(json.dumps({"systems": {"waypost": {"phases": phases}}}))
    (tmp_path / "account.json").write_text(
        '{"waypost": {"acknowledged": 1006, "complete": 1000, "dead": 1, "pending": 2, "lost": 3}}'
    )
    read = result_of(tmp_path, scenario="chaos_postgres_restart", system="waypost", exit_code=0, account="account.json")
    assert (
        "| postgres_restart | waypost | 600 | 99% | 5.0 | 54,000 | 54,100 | 12.3 | 20.0 | 1,006 | 1,000 / 1 / 2 / 3 |"
        in results_table([read])
    )


def test_what_a_peer_does_not_report_is_a_dash() -> None:
    phases: dict[str, dict[str, float]] = {
        phase: {"median_throughput_per_s": 1.0, "median_claim_p99_ms": 1.0} for phase in ("baseline", "recovery")
    }
    counted = {"complete": 5, "dead": 0, "pending": 1}
    peer = Result(
        scenario="chaos_pg_backend_kill", system="river", exit_code=0, block={"phases": phases}, account=counted
    )
    assert results_table([peer]).rstrip().endswith("| – | 5 / 0 / 1 / – |")


def test_a_failed_cell_is_shown() -> None:
    failed = Result(scenario="chaos_pg_backend_kill", system="procrastinate", exit_code=1, block={}, account={})
    assert "| pg_backend_kill | procrastinate | **failed** (exit code 1) |" in results_table([failed])
