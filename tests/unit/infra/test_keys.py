"""Secrets are created once, closed to others, and given only to their owners."""

import base64
import json
from pathlib import Path

from nacl.public import PrivateKey, PublicKey, SealedBox

from infra.stack.addresses import Addresses
from infra.stack.environment import Environments
from infra.stack.keys import load_or_make_keys
from waypost.hosting.processes import ServiceProcess


def test_a_second_start_finds_the_same_secrets(tmp_path: Path) -> None:
    first = load_or_make_keys(tmp_path / "keys")
    files = contents(first.directory)
    second = load_or_make_keys(tmp_path / "keys")
    assert first.secrets == second.secrets
    assert contents(second.directory) == files


def contents(directory: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_secrets_are_unreadable_for_other_accounts(tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path / "keys")
    assert {path.stat().st_mode & 0o077 for path in contents(keys.directory)} == {0}


def test_token_sealed_by_users_is_opened_by_notifications(tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path / "keys")
    public = json.loads((keys.of("users") / "sealing.public.json").read_text())
    (private,) = json.loads((keys.of("notifications") / "sealing.private.json").read_text())["keys"]
    assert public["key_id"] == private["key_id"]
    sealed = SealedBox(PublicKey(base64.b64decode(public["public_key"]))).encrypt(b"one-time token")
    assert SealedBox(PrivateKey(base64.b64decode(private["private_key"]))).decrypt(sealed) == b"one-time token"


def test_private_keys_are_readable_only_by_their_owner(tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path / "keys")
    assert [path.parent for path in keys.directory.rglob("signing.json")] == [keys.of("users")]
    assert [path.parent for path in keys.directory.rglob("sealing.private.json")] == [keys.of("notifications")]


def test_a_process_is_given_no_dsn_beyond_its_work(tmp_path: Path) -> None:
    environments = Environments(Addresses(), load_or_make_keys(tmp_path / "keys"))

    def dsns(process: ServiceProcess) -> set[str]:
        return {name for name in environments.process("billing", process) if name.endswith("_DSN")}

    assert dsns(ServiceProcess.MIGRATE) == {"WAYPOST_OWNER_DSN"}
    assert dsns(ServiceProcess.API) == {"WAYPOST_APP_DSN", "WAYPOST_OPS_DSN"}
    assert dsns(ServiceProcess.WORKER) == {"WAYPOST_APP_DSN", "WAYPOST_RELAY_DSN"}
    assert dsns(ServiceProcess.JOBS) == {"WAYPOST_APP_DSN"}
    command = {name for name in environments.command("billing") if name.endswith("_DSN")}
    assert command == {"WAYPOST_OWNER_DSN", "WAYPOST_APP_DSN", "WAYPOST_OPS_DSN"}


def test_settings_of_one_service_are_not_given_to_others(tmp_path: Path) -> None:
    environments = Environments(Addresses(), load_or_make_keys(tmp_path / "keys"))
    told = [environments.one_shot(), *(environments.command(service) for service in ("billing", "users"))]
    for envelope in told:
        assert not {name for name in envelope if name.startswith(("WAYPOST_SMTP_", "WAYPOST_PUBLIC_"))}
