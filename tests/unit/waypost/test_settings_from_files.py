"""Each setting may be read from the file that `<variable>_FILE` names."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.billing.settings import BillingSettings
from waypost.cli.services import setting_of
from waypost.hosting.settings import ApiSettings, MigrateSettings, WorkerSettings, load
from waypost.kernel.errors import Misconfigured
from waypost.project import variable

DSN = "postgresql://users_owner:secret@db:5432/users"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(variable(""))]:
        monkeypatch.delenv(name)


def mounted(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    monkeypatch.setenv(variable(f"{name}_FILE"), str(file))
    return file


def test_a_file_replaces_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(tmp_path, monkeypatch, "OWNER_DSN", f"{DSN}\n")
    assert load(MigrateSettings).owner_dsn == DSN


def test_every_kind_of_setting_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = '[{"code": "only", "interval": "month", "amount_minor": 100, "currency": "EUR"}]'
    for name, text in {
        "PAYMENTS_URL": "http://pay",
        "PAYMENTS_WEBHOOK_SECRET": "a secret of sixteen",
        "PLANS": plans,
    }.items():
        mounted(tmp_path, monkeypatch, name, text)
    settings = load(BillingSettings)
    assert settings.payments_webhook_secret == SecretStr("a secret of sixteen")
    assert [plan.code for plan in settings.plans] == ["only"]


def test_a_value_and_a_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(tmp_path, monkeypatch, "OWNER_DSN", DSN)
    monkeypatch.setenv(variable("OWNER_DSN"), DSN)
    with pytest.raises(Misconfigured, match="both WAYPOST_OWNER_DSN and WAYPOST_OWNER_DSN_FILE are set"):
        load(MigrateSettings)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(tmp_path, monkeypatch, "OWNER_DSN", DSN).unlink()
    with pytest.raises(Misconfigured, match=r"WAYPOST_OWNER_DSN_FILE names a file that cannot be read.*OWNER_DSN"):
        load(MigrateSettings)


def test_a_setting_that_is_a_file_stays_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = mounted(tmp_path, monkeypatch, "KAFKA_PASSWORD", "secret")
    for name in ("SERVICE_PORT", "APP_DSN", "RELAY_DSN", "KAFKA_BOOTSTRAP"):
        monkeypatch.setenv(variable(name), "1" if name == "SERVICE_PORT" else DSN)
    assert load(WorkerSettings).kafka_password_file == password
    assert "kafka_password" not in ApiSettings.model_fields


def test_the_command_reads_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsn").write_text(f"{DSN}\n")
    (tmp_path / "users.env").write_text(f"{variable('OPS_DSN')}_FILE={tmp_path / 'dsn'}\n")
    monkeypatch.setenv(variable("ENVIRONMENT_DIRECTORY"), str(tmp_path))
    assert setting_of("users", variable("OPS_DSN")) == DSN
