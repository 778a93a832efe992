"""Requests of one tenant with the ids of another, and the judgement of their answers."""

import itertools
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.users.adapters.one_time_tokens import fresh_token
from tests.security.operations import VERBS, Operation, Operations
from tests.security.rows import TenantRows
from tests.security.samples import Sampler
from tests.security.target import CANARY, Headers, Target
from waypost.kernel.ids import TenantId

SPELLINGS: Sequence[Callable[[str], str]] = (
    str,
    str,
    str.upper,
    lambda text: text.replace("-", ""),
    "urn:uuid:{}".format,
)
"""An id as clients may write it."""

ENDS_ITS_CALLER = ("DELETE /sessions", "POST /tenant/close")
"""They name no row of another tenant, and after them the attacker's token would be refused."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    method: str
    path: str
    caller: str
    operation: Operation | None
    """None for a verb without a route."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    names_a_victims_row: bool = False
    """In its path or its body: an answer 2xx is a success of the attack."""

    def text(self) -> str:
        return f"{self.path} {self.query} {self.headers} {json.dumps(self.body)}".lower()

    async def send(self, http: httpx.AsyncClient, authorization: Headers) -> httpx.Response:
        return await http.request(
            self.method,
            self.path,
            params=dict(self.query),
            headers={**authorization, **self.headers},
            json=self.body,
        )


class Attacker:
    """Makes attacks on the rows of one tenant."""

    def __init__(self, target: Target, victim: TenantRows, cursors: Sequence[str], choice: random.Random) -> None:
        self.operations = Operations(target.app)
        self._target = target
        self._choice = choice
        self._cursors = cursors
        self._columns = victim.ids()
        self.ids = list(self._columns)
        self._emails = sorted({value for _, value in victim.values() if "@" in value and " " not in value})
        self._sampler = Sampler(self.operations, choice, self._id)

    # Every route with every verb

    def systematic(self) -> Iterator[Attack]:
        """Each operation by each caller with several ids, each verb without a route, and each
        recorded request.
        """
        for caller in self._target.attackers:
            for operation in self._attacked(caller):
                for _ in range(3 if operation.slots or operation.body else 1):
                    yield self._attack(operation, caller)
            for method, path in self.operations.undeclared:
                yield Attack(method=method, path=self._filled(path), caller=caller, operation=None)
            for recorded in self._target.recorded:
                yield Attack(
                    method="POST",
                    path=recorded.path,
                    caller=caller,
                    operation=self._named(f"POST {recorded.path}"),
                    headers={"Idempotency-Key": recorded.key},
                    body=recorded.body,
                    names_a_victims_row=True,
                )

    def at_random(self, count: int) -> Iterator[Attack]:
        for _ in range(count):
            caller = self._choice.choice(list(self._target.attackers))
            operation = self._choice.choice(self._attacked(caller))
            attack = self._attack(operation, caller)
            if self._choice.random() < 0.05:
                verb = self._choice.choice(VERBS)
                known = self._named(f"{verb} {operation.path}")
                if known is None or not (known.is_public or known.name in ENDS_ITS_CALLER):
                    yield Attack(
                        method=verb,
                        path=attack.path,
                        caller=caller,
                        operation=known,
                        body=attack.body,
                        names_a_victims_row=bool(operation.slots) or known is None,
                    )
                    continue
            yield attack

    def public(self, count: int) -> Iterator[Attack]:
        """Requests without a token that name the victim: its id, its addresses, invented tokens."""
        public = [each for each in self.operations.all if each.is_public and (each.body or each.slots)]
        for at in range(count if public else 0):
            operation = public[at % len(public)]
            yield self._attack(operation, "anonymous")

    def own(self, operation: Operation) -> Iterator[Attack]:
        """Requests of the victim itself, with each of its ids in each parameter of the path; those
        whose column has the name of the parameter come first.
        """
        names = operation.slots
        by_slot = [sorted(self.ids, key=lambda each: self._columns[each] != name) for name in names]
        for ids in itertools.islice(itertools.product(*by_slot), 4_000):
            path = operation.path.format(**dict(zip(names, ids, strict=True)))
            for _ in range(1 if names else 200):
                body = None if operation.body is None else self._sampler.sample(operation.body, optional=False)
                yield Attack(
                    method=operation.method,
                    path=path,
                    caller="owner",
                    operation=operation,
                    body=body,
                    names_a_victims_row=bool(names) or self._names_an_id(body),
                )

    def _attacked(self, caller: str) -> Sequence[Operation]:
        """Operators may call their routes, and anyone the public ones."""
        return [
            each
            for each in self.operations.all
            if not each.is_public
            and each.name not in ENDS_ITS_CALLER
            and not (caller == "operator" and each.is_for_operators)
        ]

    def _attack(self, operation: Operation, caller: str) -> Attack:
        body = None if operation.body is None else self._body(operation)
        query = {name: self._query(name, of) for name, of in operation.query.items() if self._choice.random() < 0.3}
        return Attack(
            method=operation.method,
            path=self._filled(operation.path),
            caller=caller,
            operation=operation,
            query={name: value for name, value in query.items() if value is not None},
            headers=self._headers(),
            body=body,
            names_a_victims_row=bool(operation.slots) or self._names_an_id(body),
        )

    def _body(self, operation: Operation) -> Any:
        assert operation.body is not None
        body = self._sampler.sample(operation.body)
        if operation.is_public and isinstance(body, dict):
            _replace(body, "email", lambda: self._choice.choice([*self._emails, "stranger@example.com"]))
            for name in ("token", "refresh_token"):
                _replace(body, name, lambda: fresh_token(TenantId(self._target.tenant_id)).text)
        return body

    def _query(self, name: str, schema: Mapping[str, Any]) -> str | None:
        if name == "cursor":
            return self._choice.choice(self._cursors) if self._cursors else None
        value = self._sampler.sample(schema, name)
        return str(value[0] if isinstance(value, list) else value)

    def _headers(self) -> Mapping[str, str]:
        headers = {}
        if self._choice.random() < 0.2:
            headers["If-Match"] = self._choice.choice(('"1"', '"2"', '"3"', "*"))
        if self._choice.random() < 0.2:
            keys = [each.key for each in self._target.recorded] or ["an unused key"]
            headers["Idempotency-Key"] = self._choice.choice(keys).replace(" ", "-")
        if self._choice.random() < 0.1:  # headers that other products trust
            headers["X-Tenant-Id"] = headers["ce_tenantid"] = str(self._target.tenant_id)
        return headers

    def _id(self, name: str) -> str:
        if name == "tenant_id":
            return str(self._target.tenant_id)
        same = [each for each in self.ids if self._columns[each] == name]
        chosen = self._choice.choice(same if same and self._choice.random() < 0.5 else self.ids)
        return self._choice.choice(SPELLINGS)(chosen)

    def _filled(self, path: str) -> str:
        return re.sub(r"{(\w+)}", lambda name: self._id(name[1]), path)

    def _names_an_id(self, body: Any) -> bool:
        return any(each in self.ids for each in _UUID.findall(json.dumps(body).lower()))

    def _named(self, name: str) -> Operation | None:
        return next((each for each in self.operations.all if each.name == name), None)


class Judge:
    """Finds what no answer to another tenant may be or contain."""

    def __init__(self, victim: TenantRows) -> None:
        self._secrets = [CANARY, *victim.ids(), *{value.lower() for _, value in victim.values() if "@" in value}]

    def problem(self, attack: Attack, answer: httpx.Response) -> str | None:
        status, operation = answer.status_code, attack.operation
        if status >= 500:
            return f"answered {status}"
        if status == 429:
            return "answered 429, so the attack was not made: raise the limits of the services under attack"
        if leaks := self._leaks(attack, answer):
            return f"the answer contains {leaks}"
        if status < 400 and operation is not None and not operation.is_public:
            if attack.caller == "anonymous" or (attack.caller == "operator") != operation.is_for_operators:
                return f"{attack.caller} got {status}, although the policy is {operation.policy}"
            if attack.names_a_victims_row:
                return f"answered {status} to a request that names a row of another tenant"
        if status < 400 and operation is None and attack.method != "HEAD":
            return f"answered {status} to a verb without a route"
        return None

    def _leaks(self, attack: Attack, answer: httpx.Response) -> Sequence[str]:
        sent = attack.text()
        told = f"{answer.text} {dict(answer.headers)}".lower()
        return [
            each for each in self._secrets if each in told and each not in sent and each.replace("-", "") not in sent
        ]


def _replace(body: dict[str, Any], name: str, value: Callable[[], str]) -> None:
    for key, each in body.items():
        if key == name:
            body[key] = value()
        elif isinstance(each, dict):
            _replace(each, name, value)
