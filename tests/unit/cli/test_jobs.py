"""`jobs declared` needs only the checkout."""

import json

import pytest
from typer.testing import CliRunner

from waypost.cli.main import app
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.kernel.errors import NotFound


@pytest.fixture(autouse=True)
def _no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, "/nowhere")


def test_the_jobs_of_every_service_are_listed_with_arguments_and_schedule() -> None:
    told = {
        (each["service"], each["name"]): each
        for each in json.loads(CliRunner().invoke(app, ["jobs", "declared", "--json"]).stdout)
    }
    assert {service for service, _ in told} >= {"billing", "notifications", "users"}
    charge, digest = told["billing", "charge_invoice"], told["notifications", "send_digest"]
    assert charge["arguments"] == [{"name": "invoice_id", "type": "UUID", "nullable": False, "required": True}]
    assert (charge["schedule"], digest["max_attempts"], digest["timeout_seconds"]) == ([], 5, 600)
    (daily,) = digest["schedule"]
    assert daily["when"] == "at 09:00 UTC" and daily["next_tick"].endswith("T09:00:00Z")


def test_the_jobs_of_one_service_are_listed_as_text() -> None:
    lines = CliRunner().invoke(app, ["jobs", "declared", "--service", "billing"]).stdout.splitlines()
    assert lines[:2] == ["billing.charge_invoice(invoice_id: UUID)", "    5 attempts, timeout 60 s"]
    assert lines[2] == "    priority 20, at most 3 at once in a process"
    assert any("customer_id: UUID | None" in each for each in lines)
    assert [each for each in lines if each.startswith("    every 1 min, next ")]
    with pytest.raises(NotFound, match="no service 'absent'"):
        CliRunner().invoke(app, ["jobs", "declared", "--service", "absent"], catch_exceptions=False)
