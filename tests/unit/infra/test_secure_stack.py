"""The environments of a secure stack: each process receives only what it needs."""

import secrets
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
from waypost.native.kafka.installation import ClusterNode, write_properties
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


def test_the_brokers_of_a_stack_accept_no_unsigned_tokens(secure: Environments) -> None:
    assert secure.security is not None
    properties = secure.security.of_brokers().properties()
    assert "sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n" in properties
    assert "oauthbearer" not in properties.lower()


def test_a_start_that_is_killed_leaves_no_empty_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = load_or_make_keys(tmp_path / "keys")
    with monkeypatch.context() as killed:
        killed.setattr(secrets, "token_urlsafe", _die)
        with pytest.raises(KeyboardInterrupt):
            Environments(SECURE, keys)
    (keys.directory / "kafka" / "users-api.password").touch()  # of an earlier release
    again = Environments(SECURE, keys)
    assert again.security is not None
    assert again.security.of_brokers().broker_password
    assert [file for file in keys.directory.rglob("*.password*") if not file.read_text()] == []


def _die(size: int) -> str:
    raise KeyboardInterrupt


def test_properties_of_a_start_without_security_are_closed_before_a_password_is_written(
    tmp_path: Path, secure: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secure.security is not None
    node, modes = ClusterNode(controller_ports=[1]), list[int]()
    written = write_properties(tmp_path, port=2, cluster_node=node, data=tmp_path)
    written.chmod(0o644)
    write = Path.write_text

    def noted(path: Path, text: str) -> int:
        modes.append(path.stat().st_mode & 0o777)
        return write(path, text)

    monkeypatch.setattr(Path, "write_text", noted)
    write_properties(tmp_path, port=2, cluster_node=node, data=tmp_path, security=secure.security.of_brokers())
    assert modes == [0o600]


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


def test_the_brokers_may_be_named_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bootstrap"
    file.write_text("kafka:9092\n")
    assert connection_from({"WAYPOST_KAFKA_BOOTSTRAP_FILE": str(file)}).bootstrap == "kafka:9092"
