"""Access rules (ACLs) of a cluster and users with a password (SCRAM, RFC 5802), brought to a
declared state. The cluster must have an authorizer, and the caller the right to alter it.
"""

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.refusals import reaching
from waypost.kafka.scram_request import AlterScramRequest, ScramUser
from waypost.kernel.errors import Transient
from waypost.ports.brokers import Brokers
from waypost.project import is_ours

log = structlog.get_logger()

REQUEST_SECONDS = 30.0
"""Limit of all requests."""
CLOSE_SECONDS = 2.0
ITERATIONS = 4096
"""Kafka's minimum. The passwords are random, so that more iterations only slow down sign-ins."""
ANY_HOST = "*"
DENY, ALLOW = 2, 3
_UNKNOWN = 0
_ANY = 1
"""Matches every value in a filter."""


class Resource(IntEnum):
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4


class Pattern(IntEnum):
    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AccessRule:
    """A right of one user. Everything without a rule is refused."""

    user: str
    resource: Resource
    name: str
    """Name of the topic or group on the cluster, or the first part of such names."""
    operation: Operation
    pattern: Pattern = Pattern.LITERAL

    @property
    def principal(self) -> str:
        return f"User:{self.user}"

    @property
    def command(self) -> str:
        """The arguments of `kafka-acls` that add the rule."""
        resource = "--cluster" if self.resource is Resource.CLUSTER else f"--{self.resource.name.lower()} {self.name}"
        operation = "".join(map(str.capitalize, self.operation.name.split("_")))
        prefixed = " --resource-pattern-type prefixed" if self.pattern is Pattern.PREFIXED else ""
        return f"--add --allow-principal {self.principal} --operation {operation} {resource}{prefixed}"


class StoredRule(NamedTuple):
    """A rule as the cluster stores it, of any kind: the codes of Kafka's protocol."""

    resource: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int

    def __str__(self) -> str:
        """In the words of `kafka-acls --list`; the code of a part that has no name here."""
        permission = {ALLOW: "ALLOW", DENY: "DENY"}.get(self.permission, str(self.permission))
        kind, pattern, operation = (
            next((each.name for each in names if each == code), str(code))
            for names, code in ((Resource, self.resource), (Pattern, self.pattern), (Operation, self.operation))
        )
        return f"{permission} {self.principal}, {operation} on {kind} {self.name} ({pattern}), from host {self.host}"

    @property
    def is_known(self) -> bool:
        """Whether the protocol has a code for every part."""
        return _UNKNOWN not in (self.resource, self.pattern, self.operation, self.permission)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    added: Sequence[AccessRule]
    undeclared: Sequence[StoredRule]
    """Rights of the users that are not declared, also one for a single host; `prune_rules` removes
    them.
    """
    kept: Sequence[StoredRule] = ()
    """The other rules of the users that are not declared, which only an administrator removes:
    refusals, rights on the cluster, names without the application's prefix (also `*`, which matches
    every name), and kinds that this release does not know.
    """


async def ensure_users(brokers: Brokers, passwords: Mapping[str, str]) -> None:
    """Creates the users, or gives them their passwords. Raises Transient."""
    async with _admin(brokers) as admin:
        users = [scram_user(name, password) for name, password in passwords.items()]
        answer = await admin._send_to_controller(AlterScramRequest(users))
        for name, code, message, _ in answer.results:
            if code:
                raise for_code(code)(f"{name}: {message}")


async def ensure_rules(brokers: Brokers, declared: Collection[AccessRule], users: Iterable[str]) -> AccessChange:
    """Adds the missing rules of these users, and removes none: in a rolling upgrade, processes of
    the older release still need theirs. Raises Transient.
    """
    async with _admin(brokers) as admin:
        return await _add_missing(admin, declared, users)


async def prune_rules(brokers: Brokers, declared: Collection[AccessRule], users: Iterable[str]) -> AccessChange:
    """Does what `ensure_rules` does, then removes the rules of these users that are not declared.
    Rules of other users stay. Call it when no process of an older release runs. Raises Transient.
    """
    async with _admin(brokers) as admin:
        change = await _add_missing(admin, declared, users)
        for rule in change.undeclared:
            answer = await admin._send_to_controller(DeleteAclsRequest(*rule))
            _raise_errors(answer.filter_responses)
    return change


async def _add_missing(
    admin: AIOKafkaAdminClient, declared: Collection[AccessRule], users: Iterable[str]
) -> AccessChange:
    existing = {rule for user in users for rule in await rules_of(admin, user)}
    wanted = {_stored(rule): rule for rule in declared}
    added = sorted(rule for stored, rule in wanted.items() if stored not in existing)
    for rule in added:
        answer = await admin._send_to_controller(CreateAclsRequest(*_stored(rule)))
        _raise_errors(answer.creation_responses)
    others = sorted(existing - wanted.keys())
    undeclared = [rule for rule in others if _is_removable(rule)]
    kept = [rule for rule in others if rule not in undeclared]
    return AccessChange(added=added, undeclared=undeclared, kept=kept)


def scram_user(name: str, password: str, *, salt: bytes | None = None) -> ScramUser:
    """SCRAM-SHA-512. The broker stores the salted password only as keys that it derives from it."""
    salt = salt or secrets.token_bytes(32)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return ScramUser(name=name, iterations=ITERATIONS, salt=salt, salted_password=salted)


async def rules_of(admin: AIOKafkaAdminClient, user: str) -> Sequence[StoredRule]:
    """The rules of a user on the cluster."""
    request = DescribeAclsRequest(_ANY, None, _ANY, f"User:{user}", None, _ANY, _ANY)
    answer = await admin._send_to_controller(request)
    _raise_errors([(answer.error_code, answer.error_message)])
    return [
        StoredRule(kind, name, pattern, principal, host, operation, permission)
        for kind, name, pattern, rules in answer.resources
        for principal, host, operation, permission in rules
    ]


def _stored(rule: AccessRule) -> StoredRule:
    return StoredRule(rule.resource, rule.name, rule.pattern, rule.principal, ANY_HOST, rule.operation, ALLOW)


def _is_removable(rule: StoredRule) -> bool:
    """Not a refusal by an administrator, a right on the cluster, or a right on what belongs to
    another installation, whose users may have the same names.
    """
    if not rule.is_known:
        log.warning("access_rule_unknown", **rule._asdict())
    return rule.is_known and rule.permission == ALLOW and rule.resource != Resource.CLUSTER and is_ours(rule.name)


def _raise_errors(results: Iterable[Sequence[Any]]) -> None:
    for code, message, *_ in results:
        if code:
            raise for_code(code)(message)


@asynccontextmanager
async def _admin(brokers: Brokers) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_arguments(brokers))
    try:
        async with asyncio.timeout(REQUEST_SECONDS), reaching(brokers):
            await admin.start()
            yield admin
    except TimeoutError as error:
        raise Transient(f"the brokers at {brokers} did not change their access rules in time") from error
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await admin.close()
