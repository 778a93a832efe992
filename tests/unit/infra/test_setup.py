"""Set-up prints each installation, installs nothing more, and prints the command if it may not
install.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.setup import packages, system
from infra.stack.places import TOOLKIT
from waypost.native.errors import SetUpFailed

Ran = list[Sequence[Any]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """A machine with apt-get that has every package; returns the commands that run on it."""
    commands: Ran = []

    def run(step: str, command: Sequence[Any], remedy: str, **_: Any) -> None:
        commands.append(list(command))

    monkeypatch.setattr(system, "run", run)
    monkeypatch.setattr(system, "package_manager", lambda: "apt-get")
    monkeypatch.setattr(system, "succeeds", answers(of_sudo=False))
    return commands


def answers(*, of_sudo: bool) -> Callable[..., bool]:
    return lambda *command: of_sudo if command[0] == "sudo" else True


def test_root_installs_without_a_question_and_without_extras(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system.install_browser()
    installed = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
    assert ran == [["apt-get", "update", "-q"], installed]
    assert f"Browser is missing: running `{' '.join(installed)}`" in capsys.readouterr().out


def test_an_account_with_sudo_reads_the_whole_command(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system, "succeeds", answers(of_sudo=True))
    system.install_browser()
    assert "`sudo -n apt-get install -y --no-install-recommends chromium`" in capsys.readouterr().out


def test_an_account_that_may_not_install_is_given_the_exact_command(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SetUpFailed) as refused:
        system.install_browser()
    assert refused.value.remedy == ("run `sudo apt-get install -y --no-install-recommends chromium`, then try again")
    assert ran == []


def test_a_copy_does_not_redirect_the_environment_that_it_links_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "venv")
    monkeypatch.setattr(packages, "FOLDER", tmp_path / "link")
    packages.make_toolkit_importable()
    assert list(site.iterdir()) == []
    monkeypatch.setattr(packages, "FOLDER", tmp_path / "venv")
    packages.make_toolkit_importable()
    assert [file.read_text() for file in site.iterdir()] == [f"{TOOLKIT}\n"]
