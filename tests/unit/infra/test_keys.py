"""Secrets are made once, closed to others, and given only to whom they belong."""

import base64
import json
from pathlib import Path

from nacl.public import PrivateKey, PublicKey, SealedBox

from infra.stack.addresses import Addresses
from infra.stack.environment import Environments, Process
from infra.stack.keys import load_or_make_keys


def test_a_second_start_finds_the_same_secrets(tmp_path: Path) -> None:
    first, second = load_or_make_keys(tmp_path / "keys"), load_or_make_keys(tmp_path / "keys")
    assert first.secrets == second.secrets
    assert len(list((tmp_path / "keys").rglob("*.jwk"))) == 1


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    load_or_make_keys(tmp_path / "keys")
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_what_users_seals_notifications_opens(tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path / "keys")
    (public,) = (keys.of("users") / "sealing").iterdir()
    (private,) = (keys.of("notifications") / "sealing").iterdir()
    assert public.stem == private.stem
    sealed = SealedBox(PublicKey(base64.b64decode(public.read_text()))).encrypt(b"one-time token")
    assert SealedBox(PrivateKey(base64.b64decode(private.read_text()))).decrypt(sealed) == b"one-time token"


def test_the_signing_key_is_the_users_own(tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path / "keys")
    (file,) = keys.directory.rglob("*.jwk")
    assert file.is_relative_to(keys.of("users"))
    assert json.loads(file.read_text())["kid"] == file.stem


def test_a_process_is_given_no_dsn_beyond_its_work(tmp_path: Path) -> None:
    environments = Environments(Addresses(), load_or_make_keys(tmp_path / "keys"))

    def dsns(process: Process) -> set[str]:
        return {name for name in environments.process("billing", process) if name.endswith("_DSN")}

    assert dsns(Process.MIGRATE) == {"WAYPOST_OWNER_DSN"}
    assert dsns(Process.API) == {"WAYPOST_APP_DSN", "WAYPOST_OPS_DSN"}
    assert dsns(Process.WORKER) == {"WAYPOST_APP_DSN", "WAYPOST_RELAY_DSN"}
    assert dsns(Process.JOBS) == {"WAYPOST_APP_DSN"}
