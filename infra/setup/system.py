"""Programs from the system's package manager: a Java runtime and Maven, and a browser for the tests
of pages.
"""

import os
import shutil
import sys
from collections.abc import Sequence

from infra.setup.commands import run, succeeds
from waypost.native.errors import SetUpFailed
from waypost.native.java import OLDEST_RELEASE, find_java

STEP = "Java and Maven"

JAVA = {
    "apt-get": ["openjdk-21-jre-headless", "openjdk-17-jre-headless", "openjdk-25-jre-headless"],
    "dnf": ["java-21-openjdk-headless", "java-25-openjdk-headless", "java-17-openjdk-headless"],
    "brew": ["openjdk"],
}
"""Package names of a Java runtime, best first; a system release has one or two of them."""

BROWSER = {"apt-get": ["chromium"], "dnf": ["chromium"], "brew": ["chromium"]}
BROWSER_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def has_java() -> bool:
    try:
        find_java()
    except SetUpFailed:
        return False
    return True


def are_installed() -> bool:
    return shutil.which("mvn") is not None and has_java()


def install_java_and_maven() -> None:
    wanted = [] if has_java() else [JAVA.get(package_manager() or "", [])]
    if shutil.which("mvn") is None:
        wanted.append(["maven"])
    install(STEP, wanted, by_hand=f"install Java {OLDEST_RELEASE} or newer and Maven by hand")


def find_browser() -> str | None:
    """A Chromium of this machine, or None."""
    return next((found for found in map(shutil.which, BROWSER_PROGRAMS) if found), None)


def has_browser() -> bool:
    return find_browser() is not None


def install_browser() -> None:
    by_hand = "install Chromium or Chrome by hand, so that `chromium` or `google-chrome` is a command"
    install("Browser", [BROWSER.get(package_manager() or "", [])], by_hand=by_hand)


def install(step: str, wanted: Sequence[Sequence[str]], *, by_hand: str) -> None:
    """Installs, of each list of names, the first one that the package manager has, without
    recommended extras.

    Prints the command before it runs it, and asks no question, so that it works without a terminal.
    Raises SetUpFailed with the command where this account may not install.
    """
    manager = package_manager()
    if manager is None:
        raise SetUpFailed(step, "no apt-get, dnf or brew was found", by_hand)
    privilege = _privilege(manager)
    if privilege is None:
        typed = " ".join(install_command(manager, [_first_known(manager, names) for names in wanted]))
        raise SetUpFailed(step, f"{manager} needs root", f"run `sudo {typed}`, then try again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if manager == "apt-get":
        print(f"Set-up: running `{' '.join([*privilege, manager, 'update'])}`", flush=True)
        run(step, [*privilege, manager, "update", "-q"], f"run `{manager} update` by hand", environment=environment)
    command = [*privilege, *install_command(manager, [_first_known(manager, names) for names in wanted])]
    typed = " ".join(command)
    print(f"Set-up: {step} is missing: running `{typed}`", flush=True)
    run(step, command, f"run `{typed}` by hand and see its output", environment=environment)


def install_command(manager: str, packages: Sequence[str]) -> list[str]:
    """The command as a person would type it. Recommended packages of a browser or a JDK would
    install a desktop, which a server does not need.
    """
    options = {"apt-get": ["-y", "--no-install-recommends"], "dnf": ["-y", "--setopt=install_weak_deps=False"]}
    return [manager, "install", *options.get(manager, []), *packages]


def package_manager() -> str | None:
    candidates = ["brew"] if sys.platform == "darwin" else ["apt-get", "dnf"]
    return next((name for name in candidates if shutil.which(name)), None)


def _privilege(manager: str) -> list[str] | None:
    """The prefix that grants root rights; None if it would ask for a password."""
    if manager == "brew" or os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if succeeds("sudo", "-n", "true") else None


def _first_known(manager: str, names: Sequence[str]) -> str:
    ask = {"apt-get": ["apt-cache", "show"], "dnf": ["dnf", "-q", "info"], "brew": ["brew", "info"]}[manager]
    return next((name for name in names if succeeds(*ask, name)), names[0])
