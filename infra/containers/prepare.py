"""`python -m infra.containers.prepare`: writes a folder for each container with its environment and
keys, and no other container's.

keys/                       made once by `infra.stack.keys`; no service's container mounts it
<component>/environment     NAME=value a line, for `enter.sh`
<component>/keys/           its service's keys
waypost/<service>.env       for the `waypost` command
waypost/keys/users/         the key that it signs operators' tokens with
postgres/, kafka/           the server's settings; PostgreSQL's superuser password
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from infra.containers.layout import DATA, OUTSIDE_KAFKA_PORT, OWN, PREPARED, NetworkAddresses
from infra.postgres.connections import MAX_CONNECTIONS
from infra.stack.addresses import Addresses
from infra.stack.environment import MANAGEMENT_ADDRESS, Environment, Environments, write_command_environments
from infra.stack.keys import Keys, load_or_make_keys
from infra.stack.processes import SIMULATORS, processes_of, services_here
from waypost.hosting.processes import ServiceProcess
from waypost.native.configuration.kafka import Listener, broker_properties
from waypost.native.configuration.postgres import server_settings

KAFKA_DATA = Path("/var/lib/kafka/data")
FOR_OWN_ACCOUNT = (0o700, 0o600)
FOR_ANY_ACCOUNT = (0o755, 0o644)
"""PostgreSQL and Kafka run under accounts of their own images; only these accounts may read these
folders.
"""


def prepare(directory: Path, outside: Addresses) -> None:
    """Safe to repeat: keys stay, all other files are rewritten."""
    inside = NetworkAddresses()
    keys = load_or_make_keys(directory / "keys")
    environments = Environments(inside, keys, outside=outside)
    for name, environment in component_environments(environments):
        write(directory / name, {"environment": as_lines(environment)})
    copy_keys(directory, keys)
    prepare_command(
        directory / "waypost", keys, Environments(inside, replace(keys, directory=OWN / "keys"), outside=outside)
    )
    postgres = {
        "postgresql.conf": server_settings(address="*", port=inside.port("postgres"), max_connections=MAX_CONNECTIONS),
        "password": keys.secrets.superuser,
    }
    write(directory / "postgres", postgres, FOR_ANY_ACCOUNT)
    write(directory / "kafka", {"server.properties": broker(inside, outside)}, FOR_ANY_ACCOUNT)


def component_environments(environments: Environments) -> Iterator[tuple[str, Environment]]:
    for name in SIMULATORS:
        yield name, environments.simulator(name, DATA)
    yield "topics", environments.one_shot()
    for service in services_here():
        yield f"{service}-migrations", environments.process(service, ServiceProcess.MIGRATE)
        for process in processes_of(service):
            planned, own = environments.process(service, process), {"WAYPOST_KEYS_DIRECTORY": str(OWN / "keys")}
            if MANAGEMENT_ADDRESS in planned:  # the compose file publishes it on this machine alone
                own[MANAGEMENT_ADDRESS] = f"0.0.0.0:{planned[MANAGEMENT_ADDRESS]}"
            yield f"{service}-{process}", {**planned, **own}


def broker(inside: Addresses, outside: Addresses) -> str:
    listeners = {
        "INSIDE": Listener(bound=f":{inside.port('kafka')}", advertised=inside.place("kafka")),
        "OUTSIDE": Listener(bound=f":{OUTSIDE_KAFKA_PORT}", advertised=outside.place("kafka")),
    }
    return broker_properties(listeners, controllers=[f"localhost:{inside.port('kafka-controller')}"], data=KAFKA_DATA)


def copy_keys(directory: Path, keys: Keys) -> None:
    for service in services_here():
        for process in processes_of(service):
            shutil.copytree(keys.of(service), directory / f"{service}-{process}" / "keys", dirs_exist_ok=True)


def prepare_command(folder: Path, keys: Keys, environments: Environments) -> None:
    write_command_environments(environments, tuple(services_here()), folder)
    own = folder / "keys" / "users"
    own.mkdir(parents=True, exist_ok=True)
    shutil.copy(keys.of("users") / "signing.json", own)


def as_lines(environment: Environment) -> str:
    return "".join(f"{name}={value}\n" for name, value in environment.items())


def write(folder: Path, files: Mapping[str, str], modes: tuple[int, int] = FOR_OWN_ACCOUNT) -> None:
    """Writes atomically: a container may start while this runs again."""
    folder_mode, file_mode = modes
    folder.mkdir(exist_ok=True)
    folder.chmod(folder_mode)
    for name, text in files.items():
        unfinished = folder / f"{name}.unfinished"
        unfinished.touch(mode=file_mode)
        unfinished.write_text(text)
        unfinished.chmod(file_mode)
        unfinished.replace(folder / name)


if __name__ == "__main__":
    os.umask(0o077)
    prepare(PREPARED, Addresses.from_environment())
