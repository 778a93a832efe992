"""Users and access rules of the services on a cluster."""

from pathlib import Path

from waypost.cli.services import chosen_services
from waypost.hosting.kafka_access import access_rules, kafka_users
from waypost.kafka.access import AccessChange, ensure_rules, ensure_users, prune_rules
from waypost.kafka.secret_files import SecretFile
from waypost.ports.brokers import Brokers


async def ensure_access(administrator: Brokers, passwords: Path) -> AccessChange:
    """Creates the users of all processes with the passwords in `<user>.password`, and adds their
    missing rights. Raises Transient, and Misconfigured for an unreadable password.
    """
    services = chosen_services(None)
    users = kafka_users([service.name for service in services])
    await ensure_users(administrator, {user: SecretFile(passwords / f"{user}.password").read() for user in users})
    return await ensure_rules(administrator, [rule for service in services for rule in access_rules(service)], users)


async def prune_access(administrator: Brokers) -> AccessChange:
    """Removes the rights of all processes' users that no service declares any more. Raises
    Transient.
    """
    services = chosen_services(None)
    users = kafka_users([service.name for service in services])
    return await prune_rules(administrator, [rule for service in services for rule in access_rules(service)], users)
