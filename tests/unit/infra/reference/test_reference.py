"""`docs/reference` agrees with the code: `make check` compares them, these tests check the
generator.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

from infra.reference import __main__ as reference
from infra.reference import doctor, log_events, retention
from infra.reference.catalogs import read_catalog
from infra.reference.docstrings import attribute_docs
from infra.reference.errors import PACKAGES, below, effects_of, errors_page, modules_with_errors
from infra.reference.log_events import catalog, emitted
from infra.reference.settings import settings_page
from waypost.hosting.settings import ApiSettings, WorkerSettings
from waypost.kernel.errors import (
    ConcurrencyConflict,
    Misconfigured,
    NotFound,
    NotYet,
    Permanent,
    Poison,
    Transient,
    Unavailable,
    WaypostError,
)
from waypost.ports.broker import TopicUnavailable


def test_every_log_event_has_a_meaning_and_every_meaning_an_event() -> None:
    assert set(catalog()) == set(emitted())


def test_a_log_event_without_a_meaning_is_named_with_its_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_events, "emitted", lambda: {**emitted(), "notice_sent": "info"})
    assert reference.main("write") == 1
    error = capsys.readouterr().err
    assert "log events without a meaning: notice_sent" in error and "infra/reference/log_events.yaml" in error


def test_a_catalog_with_two_entries_of_one_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log_events.yaml").write_text("one: first\ntwo: second\none: third\n")
    with pytest.raises(Misconfigured, match=r"log_events\.yaml has two entries one, the second in line 3"):
        read_catalog(tmp_path / "log_events.yaml")


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        (
            lambda known: [*known, "users.visits"],
            "tables without a bound: users.visits. Add an entry for each to infra/reference/retention.yaml",
        ),
        (lambda known: known[1:], "describes tables that do not exist: users.credentials. Remove"),
    ],
)
def test_a_table_without_a_bound_and_a_bound_without_a_table_are_named(
    tables: Callable[[Sequence[str]], Sequence[str]],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = retention.service_tables()
    monkeypatch.setattr(retention, "service_tables", lambda: tables(known))
    assert reference.main("write") == 1
    assert problem in capsys.readouterr().err


def test_a_bound_names_a_function_that_exists(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    catalog = tmp_path / "retention.yaml"
    catalog.write_text(retention.CATALOG.read_text(encoding="utf-8").replace("prune_inbox", "prune_in_box"))
    monkeypatch.setattr(retention, "CATALOG", catalog)
    assert reference.main("write") == 1
    assert (
        "waypost.postgres.retention.prune_in_box for processed_messages, which does not exist"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        (
            lambda known: {**known, "kafka": [*known["kafka"], "disks"]},
            "checks of `waypost doctor` without a description: disks. Add an entry for each to infra/reference/doctor.yaml",
        ),
        (
            lambda known: {**known, "kafka": known["kafka"][1:]},
            "infra/reference/doctor.yaml describes checks that do not exist: broker. Remove them",
        ),
    ],
)
def test_a_check_without_a_description_and_a_description_without_a_check_are_named(
    checks: Callable[[Mapping[str, Sequence[str]]], Mapping[str, Sequence[str]]],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = doctor.checks()
    monkeypatch.setattr(doctor, "checks", lambda: checks(known))
    assert reference.main("write") == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("package", PACKAGES)
def test_no_error_class_is_missed(package: str) -> None:
    for module in walk_packages(import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            import_module(module.name)
    kinds = {kind for kind in below(WaypostError) if kind.__module__.partition(".")[0] == package}
    assert {kind.__module__ for kind in kinds} <= set(modules_with_errors())
    assert [kind.__name__ for kind in kinds if f"`{kind.__name__}`" not in errors_page()] == []


def test_an_attribute_docstring_of_a_base_class_is_found() -> None:
    docs = attribute_docs(WorkerSettings)
    assert "HTTP" in docs["service_port"] and docs["max_dead_letters"]


def test_every_variable_of_a_process_is_on_the_page() -> None:
    page = settings_page()
    assert [name for name in ApiSettings.model_fields if f"WAYPOST_{name}".upper() not in page] == []


def test_a_page_that_differs_from_the_code_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = reference.FOLDER / "metrics.md"
    monkeypatch.setattr(reference, "pages", lambda: {path: path.read_text(encoding="utf-8") + "one line more\n"})
    assert reference.main("check") == 1
    assert "docs/reference/metrics.md differs from the code: run `make reference`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "effects"),
    [
        (NotFound, ("404", "5 attempts, then dead", "dead at once")),
        (ConcurrencyConflict, ("409; 412 with If-Match", "the batch is retried", "next attempt")),
        (Transient, ("503 with Retry-After", "the batch is retried", "next attempt, without a limit")),
        (TopicUnavailable, ("503 with Retry-After", "the batch is retried", "next attempt, without a limit")),
        (
            Unavailable,
            (
                "503 with Retry-After",
                "the batch is retried",
                "next attempt, without a limit, not before its `retry_after`",
            ),
        ),
        (
            NotYet,
            ("503 with Retry-After", "the key is parked and retried without a limit", "next attempt, without a limit"),
        ),
        (Permanent, ("500", "dead at once", "dead at once")),
        (Poison, ("500", "dead at once", "dead at once")),
        (Misconfigured, ("–", "–", "–")),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_an_error_has_its_effect_in_a_request_a_consumer_and_a_job(
    kind: type[WaypostError], effects: tuple[str, str, str]
) -> None:
    assert effects_of(kind) == effects
    assert f"| `{kind.__name__}` | `{kind.__module__}` | {' | '.join(effects)} |" in errors_page()
