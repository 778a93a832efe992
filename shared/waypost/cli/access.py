"""`waypost access [SERVICE]`"""

from collections.abc import Sequence
from typing import Any

from waypost.cli.options import OneService
from waypost.cli.output import AsJson, console, present
from waypost.cli.services import chosen_services
from waypost.hosting.kafka_access import access_rules
from waypost.kafka.access import AccessRule


def access(service: OneService = None, as_json: AsJson = False) -> None:
    """Lists the rights in Kafka that each process needs, as arguments of kafka-acls.

    They follow from the declared topics and consumers. The names of the users are those of a local
    stack, `<service>-<process>`: replace them where your cluster has others.
    """
    rules = [rule for chosen in chosen_services(service) for rule in access_rules(chosen)]
    present([_document(rule) for rule in rules], lambda: _show(rules), as_json=as_json)


def _document(rule: AccessRule) -> dict[str, Any]:
    return {
        "user": rule.user,
        "resource": rule.resource.name.lower(),
        "name": rule.name,
        "pattern": rule.pattern.name.lower(),
        "operation": rule.operation.name.lower(),
    }


def _show(rules: Sequence[AccessRule]) -> None:
    for rule in rules:
        console.print(rule.command, soft_wrap=True, highlight=False)
