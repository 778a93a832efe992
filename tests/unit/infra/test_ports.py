"""A stack refuses ports that the kernel assigns to outgoing connections."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.stack.addresses import Addresses
from infra.stack.port_checks import refuse_ephemeral_ports
from waypost.native import ports
from waypost.native.errors import SetUpFailed

LINUX = range(32_768, 61_000)


@pytest.mark.parametrize("base", [33_000, 32_700, 60_999])
def test_a_base_with_an_ephemeral_port_is_refused_with_the_range_and_the_choice(base: int) -> None:
    with pytest.raises(SetUpFailed, match="32768 to 60999, which the kernel assigns") as refused:
        refuse_ephemeral_ports(Addresses(base), LINUX)
    assert refused.value.remedy == "choose WAYPOST_PORT_BASE from 1024 to 32674 or from 61000 to 65000, such as 8000"


@pytest.mark.parametrize("base", [8000, 32_674, 61_000])
def test_a_base_outside_the_range_is_accepted(base: int) -> None:
    refuse_ephemeral_ports(Addresses(base), LINUX)


def test_a_kernel_that_uses_every_port_leaves_no_choice() -> None:
    refuse_ephemeral_ports(Addresses(33_000), range(1024, 65_536))


@pytest.mark.parametrize(
    ("ephemeral", "outside"),
    [
        (LINUX, range(10_000, 32_768)),
        (range(49_152, 65_536), range(10_000, 49_152)),
        (range(1024, 30_000), range(30_000, 65_536)),
    ],
)
def test_free_ports_are_drawn_where_a_stack_may_be(ephemeral: range, outside: range) -> None:
    assert ports.ports_outside(ephemeral) == outside
    refuse_ephemeral_ports(Addresses(outside.start), ephemeral)


def test_the_range_is_the_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ports, "EPHEMERAL_FILE", tmp_path / "range")
    assert ports.ephemeral_ports() == ports.IANA_EPHEMERAL
    (tmp_path / "range").write_text("20000\t30000\n")
    assert ports.ephemeral_ports() == range(20_000, 30_001)


def test_a_process_draws_a_port_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ports.SHARE, "20000-20009")
    monkeypatch.setattr(ports, "_drawn", set())
    monkeypatch.setattr(ports, "is_free", lambda port: port != 20_004)
    drawn = [*ports.free_ports(2), *ports.free_ports(7)]
    assert sorted(drawn) == [port for port in range(20_000, 20_010) if port != 20_004]
    with pytest.raises(SetUpFailed, match="fewer than 1 of the ports 20000 to 20009 are left"):
        ports.free_ports(1)


def test_a_child_draws_from_the_share_of_its_parent() -> None:
    program = "from waypost.native.ports import free_ports; print(*free_ports(20))"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {int(port) for port in child.stdout.split()} <= set(ports.free_range())
    assert len(ports.free_range()) < len(ports.ports_outside(ports.ephemeral_ports()))


@pytest.mark.parametrize("share", ["abc", "20000", "20000-", "-5"])
def test_a_share_that_is_not_a_range_is_refused(monkeypatch: pytest.MonkeyPatch, share: str) -> None:
    monkeypatch.setenv(ports.SHARE, share)
    with pytest.raises(SetUpFailed, match="is not a range of ports"):
        ports.free_range()
