"""`docs/reference` agrees with the code: `make check` compares them, these tests check the
generator.
"""

import pytest

from infra.reference import __main__ as reference
from infra.reference import log_events
from infra.reference.docstrings import attribute_docs
from infra.reference.log_events import catalog, emitted
from infra.reference.settings import settings_page
from waypost.hosting.settings import ApiSettings, WorkerSettings


def test_every_log_event_has_a_meaning_and_every_meaning_an_event() -> None:
    assert set(catalog()) == set(emitted())


def test_a_log_event_without_a_meaning_is_named_with_its_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_events, "emitted", lambda: {**emitted(), "notice_sent": "info"})
    assert reference.main("write") == 1
    error = capsys.readouterr().err
    assert "log events without a meaning: notice_sent" in error and "infra/reference/log_events.yaml" in error


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
