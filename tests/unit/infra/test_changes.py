"""A service that is declared while a stack runs joins it."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra import services
from infra.services import Ports
from infra.stack import changes
from infra.stack.addresses import Addresses
from infra.stack.changes import Changes
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from waypost.devstack.parts import Component
from waypost.devstack.requests import Action, Request
from waypost.devstack.status_board import StatusBoard
from waypost.devstack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed

START = Request(action=Action.START)


class QuietSupervisor(Supervisor):
    """Records the components that it is asked to start, and starts nothing."""

    def __init__(self, components: Sequence[Component], board: StatusBoard) -> None:
        super().__init__(components, board)
        self.added: list[str] = []

    async def add(self, components: Sequence[Component]) -> None:
        self.added += [component.name for component in components]


@pytest.fixture
def running(tmp_path: Path) -> QuietSupervisor:
    """A stack with everything but the billing service."""
    components = Plan(Addresses(), load_or_make_keys(tmp_path / "keys"), tmp_path).components()
    known = [this_component for this_component in components if not this_component.name.startswith("billing-")]
    return QuietSupervisor(known, StatusBoard(tmp_path / "board.json", 8000, [component.line() for component in known]))


@pytest.fixture
def changed(running: QuietSupervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Changes:
    async def accept(_: object) -> None:
        """Accepts all ports: another stack of this machine may use those of the default base."""

    monkeypatch.setattr(changes, "refuse_taken_ports", accept)
    monkeypatch.setattr(Addresses, "environment_directory", tmp_path / "environment")
    return Changes(Addresses(), tmp_path, running)


BILLING = ["billing-migrations", "billing-api", "billing-worker", "billing-jobs", "billing-live"]


async def test_new_components_start_after_databases_and_topics_ran_again(
    changed: Changes, running: QuietSupervisor
) -> None:
    assert await changed(START) == BILLING
    assert set(running.added) == {"databases", "topics", "start-page", *BILLING}


async def test_only_limits_it_to_a_part_and_its_dependencies(changed: Changes) -> None:
    assert await changed(Request(action=Action.START, names=["billing-api"])) == ["billing-migrations", "billing-api"]


async def test_the_list_of_services_is_read_again(changed: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    monkeypatch.setattr(importlib, "reload", read.append)
    await changed(START)
    assert read == [services]


async def test_more_services_than_connections_are_refused(changed: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "reload", lambda module: module)
    many = {
        f"more{number}": Ports(api=200 + number, worker=300 + number, jobs=400 + number, management=500 + number)
        for number in range(3)
    }
    monkeypatch.setattr(services, "SERVICES", {**services.SERVICES, **many})
    with pytest.raises(SetUpFailed, match="connections") as refused:
        await changed(START)
    assert refused.value.remedy == "run `make down`, then `make up`"
