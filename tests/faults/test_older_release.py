"""Parts of `make upgrade`: an older release runs its own files, and each process is replaced."""

import re
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT
from tests.faults.storm.older_release import Release, ReplaceableServer, extract
from tests.faults.storm.rolling_upgrade import REPLACED
from tests.faults.storm.targets import PROCESSES
from waypost.devstack.parts import PythonServer
from waypost.native.errors import SetUpFailed, StartFailed

WHERE = ("inspect", "services.users.app", "--details")
"""A program that prints where it imports the module from, and ends."""


@pytest.fixture
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return extract("HEAD", tmp_path_factory.mktemp("release"))


async def test_a_process_runs_its_release_and_from_the_upgrade_on_the_checkout(
    release: Release, tmp_path: Path
) -> None:
    log = tmp_path / "process.log"
    server = ReplaceableServer(release, PythonServer(*WHERE, environment={}, log=log, health="http://127.0.0.1:1/"))
    for upgraded, root in ((False, release.root), (True, CHECKOUT)):
        log.unlink(missing_ok=True)
        if upgraded:
            server.upgrade()
        with pytest.raises(StartFailed):  # it ends before it is ready
            await server.start()
        assert f"Origin: {root / 'services/users/app.py'}" in log.read_text()


def test_a_new_process_beside_an_old_one_has_another_port(release: Release, tmp_path: Path) -> None:
    environment = {
        "WAYPOST_SERVICE_PORT": "9011",
        "WAYPOST_MANAGEMENT_ADDRESS": "9061",
        "WAYPOST_APP_DSN": "postgresql://app@127.0.0.1:9011/users",
    }
    planned = PythonServer(*WHERE, environment=environment, log=tmp_path / "it", health="http://127.0.0.1:9011/readyz")
    beside = ReplaceableServer(release, planned).beside(9500)
    own = {"WAYPOST_SERVICE_PORT": "9500", "WAYPOST_MANAGEMENT_ADDRESS": "public"}
    assert beside.environment == {**environment, **own}
    assert not isinstance(beside, ReplaceableServer)


def test_missing_migrations_are_listed(release: Release) -> None:
    assert release.missing_migrations == []
    name = "services/billing/migrations/versions/0001_first.py"
    (release.root / name).unlink()
    assert release.missing_migrations == [name]


def test_an_unknown_commit_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetUpFailed, match="no-such-commit is not a commit"):
        extract("no-such-commit", tmp_path)


def test_every_process_is_replaced_in_the_order_of_the_guide() -> None:
    assert sorted(REPLACED) == sorted(PROCESSES)
    guide = (CHECKOUT / "docs/guide/production.md").read_text()
    (steps,) = re.findall(r"^   \| order .*\n   \|[-|]+\n((?:   \|.*\n)+)", guide, flags=re.MULTILINE)
    listed = [re.findall(r"`(\w+)`", row) for row in steps.splitlines()]
    assert [f"{service}-{kind}" for service, *kinds in listed for kind in kinds] == list(REPLACED)
