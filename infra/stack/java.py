"""The Java of this machine."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

from infra.stack.errors import SetUpFailed

OLDEST_RELEASE = 17
KEG_ONLY = [
    Path("/opt/homebrew/opt/openjdk/bin/java"),
    Path("/usr/local/opt/openjdk/bin/java"),
]  # brew links it nowhere


def find_java() -> Path:
    """`$JAVA_HOME`'s, else the one on the path. Raises SetUpFailed where there is none."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin" / "java"] if home else []
    on_path = shutil.which("java")
    candidates += [*KEG_ONLY, *([Path(on_path)] if on_path else [])]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise SetUpFailed("Java", "no `java` was found", f"run `make setup`, or install a JDK {OLDEST_RELEASE} or newer")


async def identity_of(java: Path) -> str:
    """A short key of exactly this JVM build. An archive of classes fits one build alone."""
    process = await asyncio.create_subprocess_exec(
        str(java), "-version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return hashlib.sha256(printed).hexdigest()[:12]
