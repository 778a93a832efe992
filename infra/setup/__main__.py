"""`python -m infra.setup`: installs the packages, programs and jars that the commands need. Instant
if nothing is missing.
"""

import fcntl
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.setup import packages, system
from infra.setup.commands import LOG, run
from infra.stack.places import CHECKOUT, STATE, TOOLKIT
from waypost.native.errors import SetUpFailed

PACKAGES_ALONE = "--packages-alone"
"""Sufficient for a stack in containers."""
BROWSER = "--browser"
"""A browser for the tests of pages, in addition to the rest."""
POMS = sorted((TOOLKIT / "waypost" / "native").glob("*/pom.xml"))


def main() -> None:
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("a") as lock:
        wait_for_turn(lock.fileno())
        try:
            prepare(sys.argv[1:])
        except SetUpFailed as error:
            sys.exit(f"Set-up: {error}")


def prepare(arguments: Sequence[str]) -> None:
    """Raises SetUpFailed."""
    step("Python packages", packages.are_installed, packages.install_packages)
    if PACKAGES_ALONE not in arguments:
        step("Java and Maven", system.are_installed, system.install_java_and_maven)
        step("Kafka and Zipkin", jars_are_ready, prepare_jars)
    if BROWSER in arguments:
        step("Browser", system.has_browser, system.install_browser)


def wait_for_turn(lock: int) -> None:
    """Serialises concurrent set-ups; the second finds the work finished. The kernel releases the
    lock when the process ends.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Set-up: waits for another set-up to finish.", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def step(name: str, done: Callable[[], bool], work: Callable[[], None]) -> None:
    if done():
        return
    print(f"Set-up: {name} … (details in {LOG.relative_to(CHECKOUT)})", flush=True)
    started = time.monotonic()
    work()
    print(f"Set-up: {name} ready after {time.monotonic() - started:.0f} s", flush=True)


def jars_are_ready() -> bool:
    return jars_stamp().exists()


def prepare_jars() -> None:
    remedy = "check the network and ~/.m2/settings.xml, then try again"
    run("Kafka and Zipkin", [packages.PYTHON, "-m", "infra.stack", "install"], remedy)
    for outdated in STATE.glob(".jars-*"):
        outdated.unlink()
    jars_stamp().touch()


def jars_stamp() -> Path:
    declared = b"".join(pom.read_bytes() for pom in POMS)
    return STATE / f".jars-{hashlib.sha256(declared).hexdigest()[:16]}"


if __name__ == "__main__":
    main()
