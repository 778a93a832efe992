"""Ports that are drawn beside a stack."""

import pytest

from tests.fixtures.ports import free_port_base, ports_of_stack
from waypost.native import ports


def test_no_port_of_the_stack_is_drawn_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ports_of_stack(20_000)
    monkeypatch.setenv(ports.SHARE, f"{own[0]}-{own[-1] + 3}")
    monkeypatch.setattr(ports, "_drawn", set())
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    while free_port_base() != own[0]:
        ports._drawn.clear()
    assert set(ports.free_ports(3)) == {own[-1] + 1, own[-1] + 2, own[-1] + 3}
