"""Users and access rules of the services on a cluster."""

from collections.abc import Sequence
from pathlib import Path

from waypost.cli.services import chosen_services
from waypost.hosting.kafka_access import access_rules
from waypost.hosting.kafka_users import kafka_users
from waypost.kafka.access import AccessChange, AccessRule, ensure_rules, ensure_users, prune_rules
from waypost.kafka.secret_files import SecretFile
from waypost.ports.brokers import Brokers


async def ensure_access(administrator: Brokers, passwords: Path) -> AccessChange:
    """Creates the users of all processes with the passwords in `<user>.password`, and adds their
    missing rights. Raises Transient, and Misconfigured for an unreadable password.
    """
    rules, users = _declared()
    await ensure_users(administrator, {user: SecretFile(passwords / f"{user}.password").read() for user in users})
    return await ensure_rules(administrator, rules, users)


async def prune_access(administrator: Brokers) -> AccessChange:
    """Adds the missing rights of all processes' users, and removes the rights that no service
    declares any more. Raises Transient.
    """
    rules, users = _declared()
    return await prune_rules(administrator, rules, users)


def _declared() -> tuple[Sequence[AccessRule], Sequence[str]]:
    """The access rules and the users of all services."""
    services = chosen_services(None)
    users = kafka_users([service.name for service in services])
    return [rule for service in services for rule in access_rules(service)], users
