"""Ports that are drawn beside a stack."""

import pytest

from tests.fixtures.ports import free_ports_beside, ports_of_stack
from waypost.native import ports


def test_no_port_of_the_stack_is_drawn_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ports_of_stack(20_000)
    drawn = iter([own[0], own[51], own[-1], 25_000, 25_000, 19_999])
    monkeypatch.setattr(ports, "free_ports", lambda count: [next(drawn)])
    assert free_ports_beside(20_000, 2) == [25_000, 19_999]
