"""The environments of a secure stack: each process receives only what it needs."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra import services
from infra.stack.addresses import Addresses
from infra.stack.environment import Environments
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.servers import Servers
from waypost.hosting.processes import ServiceProcess
from waypost.native.errors import SetUpFailed
from waypost.ports.brokers import SecurityProtocol, connection_from

SECURE = replace(Addresses(), servers=Servers(secure=True))
PROCESSES = [(service, process) for service in services.SERVICES for process in ServiceProcess]
IN_KAFKA = {ServiceProcess.API, ServiceProcess.WORKER, ServiceProcess.LIVE}


@pytest.fixture
def secure(tmp_path: Path) -> Environments:
    return Environments(SECURE, load_or_make_keys(tmp_path / "keys"))


def variables(environments: Environments, service: str, process: ServiceProcess) -> dict[str, str]:
    if process is ServiceProcess.LIVE:
        service = "billing"
    return dict(environments.process(service, process))


@pytest.mark.parametrize(("service", "process"), PROCESSES)
def test_each_process_signs_in_to_kafka_as_its_own_user(
    secure: Environments, service: str, process: ServiceProcess
) -> None:
    own = variables(secure, service, process)
    if process not in IN_KAFKA:
        assert not [name for name in own if name.startswith("WAYPOST_KAFKA_") and name != "WAYPOST_KAFKA_BOOTSTRAP"]
        return
    connection = connection_from(own)
    assert connection.security_protocol is SecurityProtocol.SASL_SSL
    assert connection.user in (f"{service}-{process}", "billing-live")
    assert connection.password_file is not None
    assert connection.password_file.read_text()
    assert connection.password_file.stat().st_mode & 0o077 == 0


def test_users_have_different_passwords(secure: Environments) -> None:
    assert secure.security is not None
    files = [secure.security.brokers(user).password_file for user in secure.security.users]
    assert len({file.read_text() for file in files if file is not None}) == len(files) > 0


@pytest.mark.parametrize(("service", "process"), PROCESSES)
def test_every_dsn_checks_the_certificate(secure: Environments, service: str, process: ServiceProcess) -> None:
    dsns = [value for name, value in variables(secure, service, process).items() if name.endswith("_DSN")]
    assert all("sslmode=verify-full&sslrootcert=" in dsn for dsn in dsns)
    assert "sslmode=verify-full" in secure.admin_dsn


@pytest.mark.parametrize(("service", "process"), PROCESSES)
def test_only_a_process_that_serves_operator_routes_has_the_dsn_of_operators(
    secure: Environments, service: str, process: ServiceProcess
) -> None:
    assert ("WAYPOST_OPS_DSN" in variables(secure, service, process)) is (process is ServiceProcess.API)


def test_each_service_has_its_own_idempotency_secret(secure: Environments) -> None:
    name = "WAYPOST_IDEMPOTENCY_SECRET"
    own = {service: secure.process(service, ServiceProcess.API)[name] for service in services.SERVICES}
    assert len(set(own.values())) == len(own)
    assert all(16 <= len(secret.encode()) <= 64 for secret in own.values())


def test_a_plain_stack_has_no_credentials(tmp_path: Path) -> None:
    environments = Environments(Addresses(), load_or_make_keys(tmp_path / "keys"))
    assert environments.security is None
    own = environments.process("billing", ServiceProcess.WORKER)
    assert connection_from(own).security_protocol is SecurityProtocol.PLAINTEXT
    assert not (tmp_path / "keys" / "tls").exists()


def test_clients_reach_postgres_only_through_its_encryption(tmp_path: Path) -> None:
    components = Plan(SECURE, load_or_make_keys(tmp_path / "keys"), tmp_path).components()
    ports = {component.name: list(component.ports) for component in components}
    assert ports["postgres-encryption"] == [SECURE.port("postgres")]
    assert ports["postgres"] == [SECURE.port("postgres-unencrypted")]
    (databases,) = (component for component in components if component.name == "databases")
    assert "postgres-encryption" in databases.depends_on


def test_the_choice_is_kept_and_changes_only_while_the_stack_is_stopped(tmp_path: Path) -> None:
    assert Servers.choose(tmp_path, brokers=None, standby=None, secure=True).secure
    assert Servers.choose(tmp_path, brokers=None, standby=None).secure
    with pytest.raises(SetUpFailed, match="the stack runs with other servers"):
        Servers.choose(tmp_path, brokers=None, standby=None, secure=False, is_running=True)
    assert not Servers.choose(tmp_path, brokers=None, standby=None, secure=False).secure
