"""Downloads jars with Maven. A pom.xml declares the jars; Maven's configuration names the
repositories.
"""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

from waypost.native.errors import SetUpFailed, last_lines
from waypost.native.java import find_java


async def copy_jars(pom: Path, into: Path) -> Path:
    """Returns the folder with every jar that the pom declares. Downloads nothing if the folder was
    filled from the same pom. The caller holds a lock. Raises SetUpFailed.
    """
    stamp = into / ".pom-sha256"
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return into
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    await _maven(
        pom, "dependency:copy-dependencies", f"-DoutputDirectory={into}", log=into.parent / f"{into.name}.maven.log"
    )
    stamp.write_text(wanted)
    return into


async def _maven(pom: Path, *arguments: str, log: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise SetUpFailed(f"Jars of {pom.parent.name}", "no `mvn` was found", "install Maven 3.6 or newer")
    command = [maven, "-q", "-B", "-f", str(pom), *arguments]
    environment = {**os.environ, "JAVA_HOME": str(find_java().home)}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:  # this task was cancelled
                process.kill()
    if code != 0:
        reason = f"Maven ended with code {code}\n{last_lines(log, 6)}"
        raise SetUpFailed(
            f"Jars of {pom.parent.name}", reason, "check the network and ~/.m2/settings.xml, then try again", log
        )
