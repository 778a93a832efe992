"""The checks of `make upgrade`: each finds the flaw that it is for, and a flawless upgrade has
none.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.storm.promises.rolling_upgrade import REFUSED, examine_upgrade
from tests.faults.storm.traffic import Call
from tests.faults.storm.upgrade_evidence import ApiStop, Exit, Replacement, UpgradeRecord

WORKER, API = "users-worker", "users-api"
CRASH = Exit(process=WORKER, release="the checkout", code=1, stopped=False, last_lines="PartEnded: relay")


def call(**changes: Any) -> Call:
    facts: dict[str, Any] = {
        "method": "POST",
        "path": "/signup",
        "process": "http://127.0.0.1:1",
        "operation": "sign_up",
    }
    return Call(**{**facts, "status": 201, **changes})


def read(status: int) -> Call:
    return call(method="GET", path="/customers/1", operation="", status=status)


def conflict(operation: str) -> Call:
    return call(operation=operation, status=409)


def flawless_upgrade() -> UpgradeRecord:
    """A worker and an API are replaced. Invalid requests are refused, a void comes after a
    charge, and a user waits for a read model.
    """
    return UpgradeRecord(
        processes=[WORKER, API],
        operations=["sign_up"],
        replacements=[
            Replacement(process=WORKER, beside={"records handled": 7}, successor={"records handled": 4}),
            Replacement(process=API, beside={"operations": 5}, successor={"operations": 3}),
        ],
        exits=[Exit(process=WORKER, release="0a1b2c", code=0, stopped=True, last_lines="")],
        api_stops=[ApiStop(process=API, release=release, open_requests=2) for release in ("0a1b2c", "the checkout")],
        calls=[call(), conflict("void"), *(call(operation=name, status=404) for name in REFUSED), read(404), read(200)],
        succeeded={"sign_up": 1},
    )


def replaced_with(record: UpgradeRecord, **changes: Any) -> UpgradeRecord:
    first, *others = record.replacements
    return replace(record, replacements=[replace(first, **changes), *others])


def and_call(**changes: Any) -> Callable[[UpgradeRecord], UpgradeRecord]:
    return lambda record: replace(record, calls=[*record.calls, call(**changes)])


def and_exit(**changes: Any) -> Callable[[UpgradeRecord], UpgradeRecord]:
    return lambda record: replace(record, exits=[*record.exits, replace(CRASH, **changes)])


FLAWS: dict[str, tuple[Callable[[UpgradeRecord], UpgradeRecord], str, str]] = {
    "a process is left": (
        lambda record: replace(record, replacements=record.replacements[1:]),
        "each process was replaced",
        "users-worker was not replaced",
    ),
    "a step fails": (
        lambda record: replace(record, failure="it was interrupted"),
        "each process was replaced",
        "the upgrade ended early: it was interrupted",
    ),
    "a new process crashes": (
        and_exit(),
        "no process ended by itself, or late",
        "users-worker of the checkout ended by itself, with code 1:\nPartEnded: relay",
    ),
    "an old process crashes and is restarted": (
        and_exit(release="0a1b2c"),
        "no process ended by itself, or late",
        "users-worker of 0a1b2c ended by itself, with code 1:\nPartEnded: relay",
    ),
    "a process ends by itself without an error": (
        and_exit(code=0),
        "no process ended by itself, or late",
        "users-worker of the checkout ended by itself, with code 0:\nPartEnded: relay",
    ),
    "a stopped process is killed at its deadline": (
        and_exit(stopped=True, code=-9),
        "no process ended by itself, or late",
        "users-worker of the checkout was stopped and ended with code -9:\nPartEnded: relay",
    ),
    "a new process idles beside the old one": (
        lambda record: replaced_with(record, beside={"records handled": 0, "records published": 3}),
        "each new process worked, beside the old one and in its place",
        "the new users-worker beside the old one had no records handled",
    ),
    "a new process idles in the old one's place": (
        lambda record: replaced_with(record, successor={}),
        "each new process worked, beside the old one and in its place",
        "the new users-worker in its place had no work",
    ),
    "an API stops while it is idle": (
        lambda record: replace(record, api_stops=[replace(record.api_stops[0], open_requests=0)]),
        "each stopped API had open requests",
        "no request was open when users-api of 0a1b2c stopped: this proves nothing",
    ),
    "an API is stopped without a look at its requests": (
        lambda record: replace(record, api_stops=[]),
        "each stopped API had open requests",
        "no stop of users-api was recorded",
    ),
    "a caller gets a 500": (
        and_call(status=500),
        "no caller saw an error",
        "sign_up (POST /signup at http://127.0.0.1:1): status 500",
    ),
    "an invalid request gets a 503": (
        and_call(operation=REFUSED[0], status=503),
        "no caller saw an error",
        f"{REFUSED[0]} (POST /signup at http://127.0.0.1:1): status 503",
    ),
    "an invalid request succeeds": (
        and_call(operation=REFUSED[0]),
        "no caller saw an error",
        f"{REFUSED[0]} (POST /signup at http://127.0.0.1:1): status 201",
    ),
    "a valid request is refused": (
        and_call(status=422),
        "no caller saw an error",
        "sign_up (POST /signup at http://127.0.0.1:1): status 422",
    ),
    "another operation than a void conflicts": (
        and_call(operation="pay", status=409),
        "no caller saw an error",
        "pay (POST /signup at http://127.0.0.1:1): status 409",
    ),
    "a void is refused for another reason": (
        and_call(operation="void", status=403),
        "no caller saw an error",
        "void (POST /signup at http://127.0.0.1:1): status 403",
    ),
    "an operation finds nothing": (
        and_call(status=404),
        "no caller saw an error",
        "sign_up (POST /signup at http://127.0.0.1:1): status 404",
    ),
    "a read is refused": (
        and_call(method="GET", operation="", status=401),
        "no caller saw an error",
        "a read (GET /signup at http://127.0.0.1:1): status 401",
    ),
    "an open request is dropped": (
        and_call(status=None, error="ReadError"),
        "no caller saw an error",
        "sign_up (POST /signup at http://127.0.0.1:1): ReadError",
    ),
    "a user gives up": (
        lambda record: replace(record, abandoned=["the inbox did not show the expected result within 40 s"]),
        "no user waited in vain",
        "the inbox did not show the expected result within 40 s",
    ),
    "an operation fails on the new release": (
        lambda record: replace(record, succeeded={"pay": 3}),
        "each operation succeeds on the new release",
        "no sign_up succeeded after the last replacement",
    ),
}


def test_an_upgrade_without_a_flaw_is_found_flawless() -> None:
    assert broken(flawless_upgrade()) == {}


@pytest.mark.parametrize("name", FLAWS)
def test_a_planted_flaw_is_found_and_no_other(name: str) -> None:
    flaw, promise, violation = FLAWS[name]
    assert broken(flaw(flawless_upgrade())) == {promise: [violation]}


def test_every_check_has_a_flaw_planted_for_it() -> None:
    assert {finding.what for finding in examine_upgrade(flawless_upgrade())} == {
        promise for _, promise, _ in FLAWS.values()
    }


def broken(record: UpgradeRecord) -> dict[str, list[str]]:
    return {finding.what: list(finding.violations) for finding in examine_upgrade(record) if finding.violations}
