"""Finds the Java runtime of this machine."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from waypost.native.errors import SetUpFailed

OLDEST_RELEASE = 17
SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
"""Options of a JVM for few requests. Performance data, for tools such as jstat, would wake it 20
times a second.
"""
UNLINKED = ("opt/homebrew/opt/openjdk/bin/java", "usr/local/opt/openjdk/bin/java", "usr/lib/jvm/*/bin/java")
"""Paths where package managers install a Java that is not on PATH."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    program: Path
    release: int
    identity: str
    """A short hash of this build; a class archive is valid for one build only."""

    @property
    def home(self) -> Path:
        return self.program.resolve().parents[1]


def find_java() -> Java:
    """The first Java that is new enough, from `$JAVA_HOME`, PATH, then the usual folders of package
    managers. Raises SetUpFailed if there is none.
    """
    too_old = None
    for candidate in _candidates():
        java = _ask(candidate)
        if java and java.release >= OLDEST_RELEASE:
            return java
        too_old = too_old or java
    reason = f"`{too_old.program}` is release {too_old.release}" if too_old else "no `java` was found"
    raise SetUpFailed("Java", reason, f"install a Java runtime {OLDEST_RELEASE} or newer, or name one in JAVA_HOME")


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    for pattern in UNLINKED:
        yield from sorted(Path("/").glob(pattern), reverse=True)


def _ask(program: Path) -> Java | None:
    """Returns None if the program is not a working Java: the `java` of macOS only prints a download
    address.
    """
    try:
        printed = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r'version "(?:1\.)?(\d+)', printed)
    if version is None:
        return None
    return Java(
        program=program, release=int(version.group(1)), identity=hashlib.sha256(printed.encode()).hexdigest()[:12]
    )
