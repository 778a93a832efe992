"""The processes that a saved file restarts."""

from pathlib import Path

import pytest
from watchfiles import Change

from infra.stack.addresses import Addresses
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.reload import SourceFilter, affected_by, is_python

BILLING = {"billing-api", "billing-worker", "billing-jobs", "billing-live"}
SIMULATORS = {"mail", "payments", "registry", "start-page"}


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    return [
        component.name for component in Plan(Addresses(), load_or_make_keys(tmp_path / "keys"), tmp_path).components()
    ]


@pytest.mark.parametrize(
    ("file", "touched"),
    [
        ("services/billing/handlers/charging.py", BILLING),
        ("services/billing/migrations/versions/0002_more.py", BILLING | {"billing-migrations"}),
        ("infra/simulators/payments/page.html", {"payments"}),
        ("infra/start_page/page.html", {"start-page"}),
        ("infra/stack/supervisor.py", set()),
        ("README.md", set()),
    ],
)
def test_a_file_touches_the_processes_that_read_it(file: str, touched: set[str], names: list[str]) -> None:
    assert set(affected_by(file, names)) == touched


@pytest.mark.parametrize("file", ["shared/waypost/kernel/ids.py", "schemas/users.py"])
def test_toolkit_and_schemas_touch_every_python_process(file: str, names: list[str]) -> None:
    touched = set(affected_by(file, names))
    assert touched == {name for name in names if is_python(name) and not name.endswith("-migrations")}
    assert touched >= BILLING | SIMULATORS
    assert touched.isdisjoint({"kafka", "postgres", "zipkin", "databases", "topics"})


def test_declared_topics_are_created_before_the_processes_restart(names: list[str]) -> None:
    assert affected_by("schemas/topics.yaml", names)[0] == "topics"


def test_only_components_that_run_are_restarted() -> None:
    assert affected_by("services/billing/app.py", ["users-api", "billing-api"]) == ["billing-api"]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/c/services/billing/app.py", True),
        ("/c/schemas/billing/paid.v1.avsc", True),
        ("/c/services/billing/__pycache__/app.py", False),
        ("/c/services/billing/app.py~", False),
        ("/c/services/billing/.app.py.swp", False),
    ],
)
def test_only_files_that_a_process_reads_are_watched(path: str, seen: bool) -> None:
    assert SourceFilter()(Change.modified, path) is seen
