"""The command that runs the chaos cells of the public harness: its arguments, and its table."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.portable.__main__ import arguments, unusable
from bench.portable.cells import CELLS, Result, result_of, results_table
from bench.portable.systems import Program, programs, registered, revision


@pytest.fixture
def harness(tmp_path: Path) -> Path:
    """A repository with the harness's layout."""
    folder = tmp_path / "harness"
    (folder / "bench_harness").mkdir(parents=True)
    (folder / "bench_harness" / "orchestrator.py").write_text("")
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
    ours = programs(tmp_path, state=tmp_path, own_python="python", harness_python="python")["waypost"]
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
    (tmp_path / "account.json").write_text('{"complete": 90, "dead": 0, "pending": 10, "lost": 0}')
    read = result_of(tmp_path, scenario="chaos_postgres_restart", system="waypost", exit_code=0, account="account.json")
    assert (
        "| postgres_restart | waypost | 600 | 99% | 5.0 | 54,000 | 54,100 | 12.3 | 20.0 | 0 of 100 |"
        in results_table([read])
    )


def test_a_failed_cell_is_shown() -> None:
    failed = Result(scenario="chaos_pg_backend_kill", system="procrastinate", exit_code=1, block={}, account={})
    assert "| pg_backend_kill | procrastinate | **failed** (exit code 1) |" in results_table([failed])
