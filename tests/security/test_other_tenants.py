"""No route, with any verb and any id of another tenant, answers with that tenant's data or changes
it. The routes and their parameters come from the applications: a new route is attacked by itself.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import httpx
import pytest

from tests.security.attacks import Attack, Attacker, Judge
from tests.security.counts import COUNTS
from tests.security.operations import Operation
from tests.security.rows import TenantRows, rows_of, superuser_dsn
from tests.security.target import Target

WITHOUT_OWN_ROWS = {
    "GET /templates/{name}/preview": "its parameter is the name of a template, which all tenants share",
    "GET /unsubscribe/{token}": "its parameter is a secret of a mail, not an id",
    "POST /unsubscribe/{token}": "its parameter is a secret of a mail, not an id",
}
"""Operations whose parameter names no row of a tenant."""

_ENDS_A_CALLER = ("POST /tenant/owner", "DELETE /users/{user_id}/sessions", "DELETE /sessions/{session_id}")
"""After them a token of the victim is refused, so they come last. One of its admins remains."""


@pytest.fixture(scope="module")
def target(own_target: Target) -> Target:
    """For this file only: its last test changes the victim."""
    return own_target


@pytest.fixture
async def dsn(target: Target, postgres: str) -> str:
    return superuser_dsn(postgres, target.where)


async def cursors_of(target: Target, victim: TenantRows) -> Sequence[str]:
    """Cursors of the victim's lists."""
    found = []
    attacker = Attacker(target, victim, [], COUNTS.choice("cursors"))
    for operation in attacker.operations.all:
        if operation.method == "GET" and "cursor" in operation.query and not operation.is_for_operators:
            for attack in attacker.own(operation):
                page = await target.http.get(attack.path, params={"limit": 1}, headers=target.victims[0])
                if page.status_code == 200:
                    found.append(page.json()["next_cursor"])
                    break
            else:
                raise AssertionError(f"the victim gets no page of {operation.name}")
    return [cursor for cursor in found if cursor]


async def made(attacks: Iterable[Attack], target: Target, judge: Judge) -> Counter[int]:
    """The answers by status. Raises AssertionError for the first success or leak."""
    answers: Counter[int] = Counter()
    for attack in attacks:
        answer = await attack.send(target.http, target.attackers[attack.caller])
        problem = judge.problem(attack, answer)
        assert problem is None, f"{attack.method} {attack.path} by {attack.caller}: {problem}\n{attack}\n{answer.text}"
        answers[answer.status_code] += 1
    return answers


async def test_another_tenants_rows_are_neither_shown_nor_changed(target: Target, dsn: str) -> None:
    victim = await rows_of(dsn, target.tenant_id)
    choice = COUNTS.choice(target.name)
    attacker = Attacker(target, victim, await cursors_of(target, victim), choice)
    judge = Judge(victim)
    answers = await made(attacker.systematic(), target, judge)
    answers += await made(attacker.at_random(COUNTS.requests), target, judge)
    after = await rows_of(dsn, target.tenant_id)
    assert (victim.without(after), after.without(victim)) == ({}, {})

    answers += await made(attacker.public(max(100, COUNTS.requests // 10)), target, judge)
    changed = victim.without(await rows_of(dsn, target.tenant_id))
    assert changed == {}, "a request without a token changed rows of the tenant that it names"
    print(f"{target.name}: {answers.total():,} requests, answers {dict(sorted(answers.items()))}")


async def test_each_attacked_row_exists(target: Target, dsn: str) -> None:
    """The attacks would prove nothing if they named rows that do not exist, or sent bodies that no
    route accepts: the victim itself must get something else than 404 and 422.
    """
    victim = await rows_of(dsn, target.tenant_id)
    attacker = Attacker(target, victim, [], COUNTS.choice("rows"))
    named = [each for each in attacker.operations.all if _names_a_row(attacker, each)]
    reads_first = sorted(named, key=lambda each: (each.method == "DELETE", each.method != "GET", each.path))
    reads_first.sort(key=lambda each: _ENDS_A_CALLER.index(each.name) + 1 if each.name in _ENDS_A_CALLER else 0)
    unreached = [each.name for each in reads_first if not await _is_reached(each, attacker, target)]
    assert not unreached, (
        f"the victim's own requests do not reach a row: {unreached}. Create one in tests/security/victims.py,"
        " or list the operation in WITHOUT_OWN_ROWS with its reason"
    )


def _names_a_row(attacker: Attacker, operation: Operation) -> bool:
    if operation.is_public or operation.is_for_operators or operation.name in WITHOUT_OWN_ROWS:
        return False
    return any(attack.names_a_victims_row for attack in itertools.islice(attacker.own(operation), 1))


async def _is_reached(operation: Operation, attacker: Attacker, target: Target) -> bool:
    for attack in attacker.own(operation):
        for caller in target.victims:
            answer = await attack.send(target.http, caller)
            if answer.status_code not in (400, 401, 403, 404, 405, 415, 422):
                return True
    return False


READ = Operation(method="GET", path="/invoices/{id}", policy="role admin", query={}, body=None)
OPERATORS = Operation(method="GET", path="/ops/jobs", policy="operator", query={}, body=None)
PUBLIC = Operation(method="POST", path="/signup", policy="public: anyone", query={}, body={})
ID, OTHER = "018f0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-000000000002"
VICTIM = TenantRows(tables={"t": Counter([f'{{"id": "{ID}", "email": "Ada@example.com"}}', f'{{"other": "{OTHER}"}}'])})


def attack(operation: Operation | None, caller: str = "owner", path: str = f"/invoices/{ID}") -> Attack:
    return Attack(method="GET", path=path, caller=caller, operation=operation, names_a_victims_row=ID in path)


@pytest.mark.parametrize(
    ("made", "status", "told", "problem"),
    [
        (attack(READ), 200, "{}", "names a row of another tenant"),
        (attack(READ), 404, f"there is no invoice {ID}", None),
        (attack(READ), 404, f"there is no invoice {ID}, but {OTHER}", OTHER),
        (attack(READ), 403, "Canary-3F9C1D", "canary"),
        (attack(READ), 409, "taken by ada@example.com", "ada@example.com"),
        (attack(READ), 500, "", "answered 500"),
        (attack(READ), 503, "", "answered 503"),
        (attack(READ), 429, "", "the attack was not made"),
        (attack(READ, path="/invoices"), 200, "[]", None),
        (attack(READ, "anonymous", "/invoices"), 200, "[]", "anonymous got 200"),
        (attack(READ, "operator", "/invoices"), 200, "[]", "operator got 200"),
        (attack(OPERATORS, path="/ops/jobs"), 200, "[]", "owner got 200"),
        (attack(PUBLIC, "anonymous"), 201, "{}", None),
        (attack(PUBLIC, "anonymous"), 201, OTHER, OTHER),
        (attack(None), 200, "{}", "a verb without a route"),
        (attack(None), 405, "{}", None),
    ],
)
def test_a_success_and_a_leak_are_recognized(made: Attack, status: int, told: str, problem: str | None) -> None:
    found = Judge(VICTIM).problem(made, httpx.Response(status, text=told))
    assert found is None if problem is None else problem in str(found)
